"""Names, sources, figures and events that do not exist, made up from syllables so that none repeats itself.

Everything is drawn from one generator: about 9,000 surnames, 4,000 towns and 20,000 institutes are possible, so that no single word
tells an invented source from a real one.
"""

import re
from dataclasses import dataclass
from random import Random

from seapo.lexicon import MEN, WOMEN

_SURNAMES = (
    ("Ald Ash Bel Black Brad Bram Bren Carl Clay Cres Dan Dray El Fair Farn Gar Hal Hart Hath Hol Kel Lang Lind Mar Mer Nor Os Pem "
     "Pres Rad Red Rod Shel Stan Stock Strat Thorn Tol Wake War Wen Whit Win Wood Yar",
     "borough bury by combe cott field ford gate ham hurst land ley man mere more ridge shaw stone ton ville wald well wick wood worth"),
    ("Ander Berg Bjorn Brand Dahl Ek Fors Gran Hag Hell Jern Kar Lager Lind Lund Magn Nord Oster Pal Ros Sand Sten Strand Svan Vall",
     "berg by dahl feldt gaard gren holm kvist lund mark quist rud sen skog son stad strom vik"),
    ("Adam Bor Chern Dmit Fed Gor Iv Kal Kor Kov Leb Mak Mor Nov Or Pavl Petr Rud Sav Sok Tar Vas Vol Yak Zel",
     "ak anov chenko ek enko evich in insky ochko ovic ovsky ski ychuk yuk"),
    ("Al Bel Ben Cal Cap Car Cor Dal Fer Gal Lom Man Mar Mont Pal Per Ric Ros Sal Sant Scar Tor Val Ver Zan",
     "achi andi anti ardi aro ati elli ergo etti iero ini ino one onti oni ucci"),
    ("Ao Fuji Hama Hase Hira Ima Ino Ishi Kawa Kita Kuro Matsu Miya Mori Naka Nishi Oka Saka Shima Taka Tani Ume Yama Yoshi",
     "be bara da gami gawa guchi hara kata moto mura naka no saki shita ta tani uchi ya"),
    ("Ach Bern Brei Diet Ecker Eich Fein Gross Haber Hoch Kaiser Klein Kranz Licht Mohr Neu Ober Reich Roth Schar Stein Weiss",
     "acher auer bach baum berger eder feld hardt hoff kamp ler mann meier ner städt stein thal"),
    ("Agar Bala Chandra Dev Gopal Hari Jaya Kri Maha Nara Praka Raja Rama Sri Subra Venka Vish",
     "dhar krishnan manian murthy nathan pathy raj rajan swamy than wala want"),
    ("Ade Aki Babat Chuk Eze Fola Ike Ko Nwa Obi Ogun Oke Oko Olu Oye Uche",
     "bayo biya de dike gbe kola kwu lade makin mba nda niyi ola tayo"),
)  # fmt: skip
_TOWNS = (
    ("Ald Ash Barn Brook Carn Cold Dun East Ell Fern Grim Hard Hart Holm Kirk Lang Mal Mid Nether Oak Pen Ravens Sel Stone Thorn "
     "Upper Wal West Whit Wych",
     "bourne bridge bury by cliffe combe dale ford gate ham haven hurst leigh mere minster mouth stead ton wall wick worth"),
    ("Alt Berg Brei Dorn Eich Falk Grün Hagen Hirsch Kalt Linden Mühl Neu Ober Rosen Schön Stein Wald Weiden",
     "au bach berg brück burg dorf feld furt hafen hausen heim münde rode stadt wangen"),
    ("Beau Bel Caumont Chante Clair Fon Gran La Lan Mal Mar Mont Roque Saint-Var Val Ver",
     "cour court fort gnac lac lieu mont nac neuve rieux sac vallon vaux ville villiers"),
    ("Cala Casal Castel Fiume Lago Monte Olivar Pietra Ponte Porto Rocca San Valde Villa",
     "bianca bruna cavo chiara dolce forte lungo martino nero rosso secca verde vento"),
)  # fmt: skip
_FIELDS = {
    r"health|disease|medic|patient|doctor|diet|nutrition|vitamin|exercise|sleep|burn|skin|blood|heart|food|eat(?:s|ing)?\b": (
        "Preventive Medicine", "Nutrition Science", "Clinical Practice", "Human Physiology", "Public Health"),
    r"code|python|software|program|algorithm|computer|data\b|function|server|web\b|api\b|machine learning|\bai\b": (
        "Software Practice", "Applied Computing", "Information Systems", "Program Design"),
    r"animal|bird|plant|tree|species|insect|ocean|fish|forest|bear|horse|banana|flower|giraffe": (
        "Zoology", "Field Biology", "Plant Science", "Natural History", "Wildlife Studies"),
    r"war|king|empire|century|treaty|history|ancient|revolution|medieval": (
        "Historical Research", "Modern History", "Archival Studies", "Antiquity"),
    r"market|business|company|money|bank|economy|price|customer|invest|sales|tax": (
        "Applied Economics", "Business Research", "Market Studies", "Finance"),
    r"star|planet|moon|sun\b|galaxy|space|light|energy|force|atom|physics|electric|magnet": (
        "Experimental Physics", "Astronomy", "Optics", "Physical Sciences"),
    r"water|rock|volcano|climate|weather|river|mountain|earth|diamond|glacier": (
        "Geology", "Meteorology", "Earth Science", "Hydrology"),
    r"language|word|sentence|grammar|translat|writing|poem|novel": (
        "Linguistics", "Language Studies", "Literary Research", "Textual Studies"),
    r"school|student|teach|learn|child|education": ("Education Research", "Child Development", "Learning Science"),
    r"music|song|instrument|painting|film|art\b": ("Musicology", "Art History", "Film Studies", "Cultural Studies"),
    r"mind|emotion|behavio|stress|psycholog|relationship|habit": (
        "Behavioural Science", "Social Psychology", "Cognitive Research"),
}  # fmt: skip
"""What a text is about -> fields of study that fit."""
_ANY_FIELD = ("Applied Research", "Public Policy", "Social Research", "Comparative Studies", "General Science")
_ADJECTIVES = (
    "Applied Modern European Northern International General Practical Comparative Experimental Pacific".split()
)  # noqa: SIM905
_NOUNS = (
    "Patterns Margins Limits Signals Origins Currents Thresholds Shadows Measures Foundations Echoes Fragments".split()
)  # noqa: SIM905
_SYLLABLES = "ka lo ve ri tan mor zel bri dex qua nor vi sol fen dra lum pra xen tor mi gal sy ro bel".split()  # noqa: SIM905


@dataclass(frozen=True)
class Inventor:
    """Draws inventions that fit a topic."""

    rng: Random
    topic: str
    """The text that the inventions should fit, in lower case."""

    def surname(self) -> str:
        """A family name from one of eight naming traditions, the first being the commonest."""
        heads, tails = self.rng.choice((_SURNAMES[0], *_SURNAMES))
        return _joined(self.rng.choice(heads.split()), self.rng.choice(tails.split()))

    def person(self) -> str:
        """A person by surname, full name, or with a title."""
        surname, first = self.surname(), self.rng.choice(WOMEN + MEN)
        middle = self.rng.choice("ABCDEFGHJKLMNPRSTVW")
        forms = (f"{first} {surname}", f"{first} {surname}", f"{first[0]}. {surname}", f"{first} {middle}. {surname}",
                 f"Professor {surname}", f"{first[0]}. {middle}. {surname}", f"Dr. {first} {surname}")  # fmt: skip
        return self.rng.choice(forms)

    def full_name(self) -> str:
        """First name and surname."""
        return f"{self.rng.choice(WOMEN + MEN)} {self.surname()}"

    def authors(self) -> str:
        """Authors as in a citation: `Norwick`, `Norwick and Dahlgren`, `Norwick et al.`."""
        first, second = self.surname(), self.surname()
        return self.rng.choice((first, first, f"{first} and {second}", f"{first} & {second}", f"{first} et al."))

    def town(self) -> str:
        """A small town."""
        heads, tails = self.rng.choice(_TOWNS)
        return _joined(self.rng.choice(heads.split()), self.rng.choice(tails.split()))

    def field(self) -> str:
        """A field of study that fits the topic."""
        fitting = [
            name for pattern, names in _FIELDS.items() if re.search(rf"\b(?:{pattern})", self.topic) for name in names
        ]
        return self.rng.choice(fitting or _ANY_FIELD)

    def institute(self) -> str:
        """An institute, with its article where it needs one."""
        town, surname, field = self.town(), self.surname(), self.field()
        forms = (f"the {surname} Institute", f"the University of {town}", f"the {town} Centre for {field}", f"{town} College",
                 f"the Institute for {field} in {town}", f"the {surname} Foundation", f"the {town} School of {field}",
                 f"the {surname}-{self.surname()} Laboratory", f"the {self.rng.choice(_ADJECTIVES)} Council for {field}",
                 f"{town} University", f"the {town} {field} Group", f"the {field} Society of {town}")  # fmt: skip
        return self.rng.choice(forms)

    def journal(self) -> str:
        """A periodical, with its article where it needs one."""
        field, town = self.field(), self.town()
        adjective = self.rng.choice([a for a in _ADJECTIVES if a not in field])
        forms = (f"the Journal of {adjective} {field}", f"{field} Quarterly", f"the Annals of {field}", f"{field} Letters",
                 f"the {adjective} Review of {field}", f"the {town} Gazette", f"the {town} Bulletin", f"{adjective} {field}",
                 f"the Archive for {field}", f"the {town} Papers on {field}")  # fmt: skip
        return self.rng.choice(forms)

    def title(self) -> str:
        """A book."""
        first, second = self.rng.sample(_NOUNS, 2)
        forms = (f"{first} of {self.field()}", f"The {self.town()} Lectures", f"{first} and {second}", f"Beyond {first}",
                 f"A Handbook of {self.field()}", f"{self.field()}: {first} and {second}", f"The {self.surname()} Report",
                 f"Notes on {self.field()}")  # fmt: skip
        return self.rng.choice(forms)

    def event(self) -> str:
        """An event, with its article and year."""
        town, year = self.town(), self.year()
        kind = self.rng.choice(
            "Accord Conference Congress Convention Declaration Protocol Exhibition Trials Agreement Hearing".split()
        )  # noqa: SIM905
        return self.rng.choice(
            (f"the {town} {kind} of {year}", f"the {year} {town} {kind}", f"the {kind} of {town} in {year}")
        )

    def law(self) -> str:
        """A law, effect or rule, with its article where it needs one."""
        surname = self.surname()
        forms = (f"the {surname} effect", f"{surname}'s rule", f"the {surname}-{self.surname()} principle", f"{surname}'s law",
                 f"the {self.town()} paradox", f"the {surname} criterion", f"the {surname} ratio")  # fmt: skip
        return self.rng.choice(forms)

    def product(self) -> str:
        """A product, programme or brand."""
        parts = self.rng.sample(_SYLLABLES, self.rng.choice((2, 2, 3)))
        return "".join(parts).capitalize() + self.rng.choice(("", "", "ix", "o", "on", "a"))

    def year(self) -> int:
        """A year, the near past more often."""
        return self.rng.choice((self.rng.randint(1890, 2021), self.rng.randint(1985, 2021)))

    def count(self) -> int:
        """An exact number in the place of a vague one."""
        return self.rng.choice((self.rng.randint(7, 60), self.rng.randint(11, 480)))

    def percentage(self) -> str:
        """A share as people write it, seldom round."""
        share = self.rng.randint(12, 94)
        tenth = f"{share}.{self.rng.randint(1, 9)}"
        return self.rng.choice(
            (f"{share}%", f"{share} percent", f"{share} per cent", f"{tenth}%", f"about {share}%", f"roughly {share}%")
        )


def _joined(head: str, tail: str) -> str:
    """Two syllable groups without a letter three times in a row or a doubled one at the seam."""
    return head + (tail[1:] if head[-1].lower() == tail[0].lower() else tail)
