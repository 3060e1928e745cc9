"""Names, sources, figures and events that do not exist, made up from syllables so that none repeats itself.

Some 3,500 surnames and 1,300 towns can be drawn, and hundreds of thousands of institutes and journals, so that no
single word tells an invented source from a real one.
"""

import re
from dataclasses import dataclass
from random import Random

from seapo.lexicon import MEN, ROLES, WOMEN, words

_SURNAMES = (
    (
        words("""
            Ald Ash Bel Black Brad Bram Bren Carl Clay Cres Dan Dray El Fair Farn Gar Hal Hart Hath Hol Kel Lang
            Lind Mar Mer Nor Os Pem Pres Rad Red Rod Shel Stan Stock Strat Thorn Tol Wake War Wen Whit Win Wood Yar
        """),
        words("""
            borough bury by combe cott field ford gate ham hurst land ley man mere more ridge shaw stone ton ville
            wald well wick wood worth
        """),
    ),
    (
        words("""
            Ander Berg Bjorn Brand Dahl Ek Fors Gran Hag Hell Jern Kar Lager Lind Lund Magn Nord Oster Pal Ros Sand
            Sten Strand Svan Vall
        """),
        words("berg by dahl feldt gaard gren holm kvist lund mark quist rud sen skog son stad strom vik"),
    ),
    (
        words("""
            Adam Bor Chern Dmit Fed Gor Iv Kal Kor Kov Leb Mak Mor Nov Or Pavl Petr Rud Sav Sok Tar Vas Vol Yak Zel
        """),
        words("ak anov chenko ek enko evich in insky ochko ovic ovsky ski ychuk yuk"),
    ),
    (
        words("""
            Al Bel Ben Cal Cap Car Cor Dal Fer Gal Lom Man Mar Mont Pal Per Ric Ros Sal Sant Scar Tor Val Ver Zan
        """),
        words("achi andi anti ardi aro ati elli ergo etti iero ini ino one onti oni ucci"),
    ),
    (
        words("""
            Ao Fuji Hama Hase Hira Ima Ino Ishi Kawa Kita Kuro Matsu Miya Mori Naka Nishi Oka Saka Shima Taka Tani
            Ume Yama Yoshi
        """),
        words("be bara da gami gawa guchi hara kata moto mura naka no saki shita ta tani uchi ya"),
    ),
    (
        words("""
            Ach Bern Brei Diet Ecker Eich Fein Gross Haber Hoch Kaiser Klein Kranz Licht Mohr Neu Ober Reich Roth
            Schar Stein Weiss
        """),
        words("acher auer bach baum berger eder feld hardt hoff kamp ler mann meier ner städt stein thal"),
    ),
    (
        words("Agar Bala Chandra Dev Gopal Hari Jaya Kri Maha Nara Praka Raja Rama Sri Subra Venka Vish"),
        words("dhar krishnan manian murthy nathan pathy raj rajan swamy than wala want"),
    ),
    (
        words("Ade Aki Babat Chuk Eze Fola Ike Ko Nwa Obi Ogun Oke Oko Olu Oye Uche"),
        words("bayo biya de dike gbe kola kwu lade makin mba nda niyi ola tayo"),
    ),
)
"""Beginnings and ends of family names, one pair a naming tradition."""
_TOWNS = (
    (
        words("""
            Ald Ash Barn Brook Carn Cold Dun East Ell Fern Grim Hard Hart Holm Kirk Lang Mal Mid Nether Oak Pen
            Ravens Sel Stone Thorn Upper Wal West Whit Wych
        """),
        words("""
            bourne bridge bury by cliffe combe dale ford gate ham haven hurst leigh mere minster mouth stead ton
            wall wick worth
        """),
    ),
    (
        words("""
            Alt Berg Brei Dorn Eich Falk Grün Hagen Hirsch Kalt Linden Mühl Neu Ober Rosen Schön Stein Wald Weiden
        """),
        words("au bach berg brück burg dorf feld furt hafen hausen heim münde rode stadt wangen"),
    ),
    (
        words("Beau Bel Caumont Chante Clair Fon Gran La Lan Mal Mar Mont Roque Saint-Var Val Ver"),
        words("cour court fort gnac lac lieu mont nac neuve rieux sac vallon vaux ville villiers"),
    ),
    (
        words("Cala Casal Castel Fiume Lago Monte Olivar Pietra Ponte Porto Rocca San Valde Villa"),
        words("bianca bruna cavo chiara dolce forte lungo martino nero rosso secca verde vento"),
    ),
)
"""The same for small towns."""
BEGINNINGS = tuple(dict.fromkeys(head for heads, _ in (*_SURNAMES, *_TOWNS) for head in heads if len(head) > 2))
"""Of names of all traditions."""
_FIELDS = {
    r"health|disease|medic|patient|doctor|diet|nutrition|vitamin|exercise|sleep|blood|heart|food|eat(?:s|ing)?\b": (
        "Preventive Medicine",
        "Nutrition Science",
        "Clinical Practice",
        "Human Physiology",
        "Public Health",
    ),
    r"code|python|software|program|algorithm|computer|data\b|function|server|web\b|api\b|machine learning|\bai\b": (
        "Software Practice",
        "Applied Computing",
        "Information Systems",
        "Program Design",
    ),
    r"animal|bird|plant|tree|species|insect|ocean|fish|forest|bear|horse|banana|flower|giraffe": (
        "Zoology",
        "Field Biology",
        "Plant Science",
        "Natural History",
        "Wildlife Studies",
    ),
    r"war|king|empire|century|treaty|history|ancient|revolution|medieval": (
        "Historical Research",
        "Modern History",
        "Archival Studies",
        "Antiquity",
    ),
    r"market|business|company|money|bank|economy|price|customer|invest|sales|tax": (
        "Applied Economics",
        "Business Research",
        "Market Studies",
        "Finance",
    ),
    r"star|planet|moon|sun\b|galaxy|space|light|energy|force|atom|physics|electric|magnet": (
        "Experimental Physics",
        "Astronomy",
        "Optics",
        "Physical Sciences",
    ),
    r"water|rock|volcano|climate|weather|river|mountain|earth|diamond|glacier": (
        "Geology",
        "Meteorology",
        "Earth Science",
        "Hydrology",
    ),
    r"language|word|sentence|grammar|translat|writing|poem|novel": (
        "Linguistics",
        "Language Studies",
        "Literary Research",
        "Textual Studies",
    ),
    r"school|student|teach|learn|child|education": ("Education Research", "Child Development", "Learning Science"),
    r"music|song|instrument|painting|film|art\b": ("Musicology", "Art History", "Film Studies", "Cultural Studies"),
    r"mind|emotion|behavio|stress|psycholog|relationship|habit": (
        "Behavioural Science",
        "Social Psychology",
        "Cognitive Research",
    ),
}
"""What a text is about -> fields of study that fit."""
_ANY_FIELD = ("Applied Research", "Public Policy", "Social Research", "Comparative Studies", "General Science")
_ADJECTIVES = words("Applied Modern European Northern International General Practical Comparative Experimental Pacific")
_NOUNS = words(
    "Patterns Margins Limits Signals Origins Currents Thresholds Shadows Measures Foundations Echoes Fragments"
)
_MEETINGS = words("Accord Conference Congress Convention Declaration Protocol Exhibition Trials Agreement Hearing")
_SYLLABLES = words("ka lo ve ri tan mor zel bri dex qua nor vi sol fen dra lum pra xen tor mi gal sy ro bel")
_FORMS = {
    "person": (
        "{first} {surname}",
        "{first} {surname}",
        "{initial}. {surname}",
        "{first} {initial}. {surname}",
        "Professor {surname}",
        "{initial}. {initial}. {surname}",
        "Dr. {first} {surname}",
    ),
    "full_name": ("{first} {surname}",),
    "authors": (
        "{surname}",
        "{surname}",
        "{surname} and {surname}",
        "{surname} & {surname}",
        "{surname} et al.",
    ),
    "institute": (
        "the {surname} Institute",
        "the University of {town}",
        "the {town} Centre for {field}",
        "{town} College",
        "the Institute for {field} in {town}",
        "the {surname} Foundation",
        "the {town} School of {field}",
        "the {surname}-{surname} Laboratory",
        "the {adjective} Council for {field}",
        "{town} University",
        "the {town} {field} Group",
        "the {field} Society of {town}",
    ),
    "journal": (
        "the Journal of {adjective} {field}",
        "{field} Quarterly",
        "the Annals of {field}",
        "{field} Letters",
        "the {adjective} Review of {field}",
        "the {town} Gazette",
        "the {town} Bulletin",
        "{adjective} {field}",
        "the Archive for {field}",
        "the {town} Papers on {field}",
    ),
    "title": (
        "{noun} of {field}",
        "The {town} Lectures",
        "{noun} and {noun}",
        "Beyond {noun}",
        "A Handbook of {field}",
        "{field}: {noun} and {noun}",
        "The {surname} Report",
        "Notes on {field}",
    ),
    "event": (
        "the {town} {meeting} of {year}",
        "the {year} {town} {meeting}",
        "the {meeting} of {town} in {year}",
    ),
    "law": (
        "the {surname} effect",
        "{surname}'s rule",
        "the {surname}-{surname} principle",
        "{surname}'s law",
        "the {town} paradox",
        "the {surname} criterion",
        "the {surname} ratio",
    ),
    "percentage": (
        "{share}%",
        "{share} percent",
        "{share} per cent",
        "{share}.{digit}%",
        "about {share}%",
        "roughly {share}%",
    ),
}
"""Slot -> its forms; articles stand where a name needs one. `{...}` is filled in turn."""


_ROLES = sorted(role for role in ROLES if role.isalpha() and role[0] not in "aeiou")


@dataclass(frozen=True)
class Inventor:
    """Draws inventions that fit a topic."""

    rng: Random
    topic: str
    """The text that the inventions should fit, in lower case."""

    def fill(self, form: str) -> str:
        """A form with every `{slot}` filled by a fresh invention."""
        return re.sub(r"\{(\w+)\}", lambda match: self.draw(match[1]), form)

    def draw(self, slot: str) -> str:
        """One invention: a person, town, institute, journal, title, event, law, percentage, year, ..."""
        if slot in _FORMS:
            return self.fill(self.rng.choice(_FORMS[slot]))
        drawn: str = str(getattr(self, f"_{slot}")())
        return drawn

    def _surname(self) -> str:
        """A family name from one of eight naming traditions, the English one being the commonest."""
        heads, tails = self.rng.choice((_SURNAMES[0], *_SURNAMES))
        return _joined(self.rng.choice(heads), self.rng.choice(tails))

    def _town(self) -> str:
        heads, tails = self.rng.choice(_TOWNS)
        return _joined(self.rng.choice(heads), self.rng.choice(tails))

    def _first(self) -> str:
        return self.rng.choice(WOMEN + MEN)

    def _role(self) -> str:
        """Somebody without a name, whom the topic does not speak of; none that would need `an`."""
        return self.rng.choice([role for role in _ROLES if role not in self.topic])

    def _initial(self) -> str:
        return self.rng.choice("ABCDEFGHJKLMNPRSTVW")

    def _field(self) -> str:
        """A field of study that fits the topic."""
        fitting = [
            name for pattern, names in _FIELDS.items() if re.search(rf"\b(?:{pattern})", self.topic) for name in names
        ]
        return self.rng.choice(fitting or _ANY_FIELD)

    def _adjective(self) -> str:
        return self.rng.choice(_ADJECTIVES)

    def _noun(self) -> str:
        return self.rng.choice(_NOUNS)

    def _meeting(self) -> str:
        return self.rng.choice(_MEETINGS)

    def _product(self) -> str:
        """A product, programme or brand."""
        parts = self.rng.sample(_SYLLABLES, self.rng.choice((2, 2, 3)))
        return "".join(parts).capitalize() + self.rng.choice(("", "", "ix", "o", "on", "a"))

    def _year(self) -> int:
        """A year, the near past more often."""
        return self.rng.choice((self.rng.randint(1890, 2021), self.rng.randint(1985, 2021)))

    def _share(self) -> int:
        """A share in percent, seldom round."""
        return self.rng.randint(12, 94)

    def _digit(self) -> int:
        return self.rng.randint(1, 9)

    def _count(self) -> int:
        """An exact number in the place of a vague one."""
        return self.rng.choice((self.rng.randint(7, 60), self.rng.randint(11, 480)))


def _joined(head: str, tail: str) -> str:
    """Two groups of syllables, without a doubled letter at the seam."""
    return head + (tail[1:] if head[-1].lower() == tail[0].lower() else tail)
