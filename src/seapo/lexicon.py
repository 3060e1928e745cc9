"""Closed tables of English words: kinds of things that can stand for each other, opposites, connectives, names.

Written for this project; `seapo.language` reads them. A sister set holds words of one kind that exclude each other
(what is red is not blue), so that an exchange is an error and not another way to say the same.
"""


def words(text: str) -> tuple[str, ...]:
    """The words of a table."""
    return tuple(text.split())


MONTHS = words("""
    January February March April May June July August September October November December
""")
WEEKDAYS = words("""
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
""")
NUMBER_WORDS = words("""
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety
""")
"""In order; `one` is left out because it is mostly a pronoun."""
ORDINAL_WORDS = words("""
    first second third fourth fifth sixth seventh eighth ninth tenth
""")

UNITS = {
    "metric length": (
        "millimeter/millimeters centimeter/centimeters meter/meters kilometer/kilometers; millimetre/millimetres "
        "centimetre/centimetres metre/metres kilometre/kilometres; mm/mm cm/cm m/m km/km"
    ),
    "imperial length": "inch/inches foot/feet yard/yards mile/miles",
    "area": "acre/acres hectare/hectares",
    "metric mass": (
        "milligram/milligrams gram/grams kilogram/kilograms tonne/tonnes; milligramme/milligrammes gramme/grammes "
        "kilogramme/kilogrammes; mg/mg g/g kg/kg"
    ),
    "imperial mass": "ounce/ounces pound/pounds ton/tons; oz/oz lb/lb; oz/oz lbs/lbs",
    "metric volume": "milliliter/milliliters liter/liters; millilitre/millilitres litre/litres; ml/ml l/l; mL/mL L/L",
    "imperial volume": (
        "cup/cups pint/pints quart/quarts gallon/gallons; teaspoon/teaspoons tablespoon/tablespoons; tsp/tsp "
        "tbsp/tbsp"
    ),
    "time": (
        "second/seconds minute/minutes hour/hours day/days week/weeks month/months year/years decade/decades "
        "century/centuries; sec/secs min/mins hr/hrs; millisecond/milliseconds second/seconds"
    ),
    "temperature": "Celsius/Celsius Fahrenheit/Fahrenheit; °C/°C °F/°F",
    "speed": "mph/mph kph/kph; mph/mph km/h/km/h",
    "data": (
        "KB/KB MB/MB GB/GB TB/TB; kilobyte/kilobytes megabyte/megabytes gigabyte/gigabytes terabyte/terabytes"
    ),
    "money": (
        "cent/cents dollar/dollars; euro/euros dollar/dollars; dollar/dollars euro/euros; rupee/rupees yen/yen"
    ),
    "magnitude": "hundred/hundreds thousand/thousands million/millions billion/billions trillion/trillions",
    "energy": "joule/joules kilojoule/kilojoules; calorie/calories kilocalorie/kilocalories",
    "power": "watt/watts kilowatt/kilowatts megawatt/megawatts gigawatt/gigawatts",
    "frequency": (
        "hertz/hertz kilohertz/kilohertz megahertz/megahertz gigahertz/gigahertz; Hz/Hz kHz/kHz MHz/MHz GHz/GHz"
    ),
    "electricity": "volt/volts ampere/amperes; volt/volts amp/amps",
    "angle": "degree/degrees radian/radians",
}  # fmt: skip
"""Group -> ladders of units; a ladder is in order of size, each rung `singular/plural`."""

OPPOSITES = """
increase:decrease increases:decreases increased:decreased increasing:decreasing increase:reduce increases:reduces
increased:reduced increasing:reducing larger:smaller largest:smallest bigger:smaller biggest:smallest large:small
higher:lower highest:lowest high:low greater:lesser greater:smaller greatest:smallest more:less most:least
longer:shorter longest:shortest taller:shorter tallest:shortest wider:narrower widest:narrowest wide:narrow
older:younger oldest:youngest faster:slower fastest:slowest quickly:slowly rapidly:slowly heavier:lighter
heaviest:lightest stronger:weaker strongest:weakest strong:weak hotter:colder hottest:coldest warmer:cooler
warmest:coolest warm:cold hot:cold earlier:later earliest:latest early:late always:never often:rarely
frequently:rarely usually:rarely maximum:minimum maximize:minimize maximizes:minimizes maximizing:minimizing
inside:outside internal:external north:south northern:southern northeast:southwest northwest:southeast east:west
eastern:western positive:negative positively:negatively true:false correct:incorrect correctly:incorrectly
possible:impossible legal:illegal safe:unsafe healthy:unhealthy common:rare easy:difficult easier:harder
simple:complex rich:poor expensive:cheap begins:ends began:ended beginning:end multiply:divide multiplied:divided
multiplying:dividing multiplication:division sum:difference win:lose wins:loses won:lost buy:sell buys:sells
bought:sold include:exclude includes:excludes included:excluded including:excluding accepted:rejected improve:worsen
improves:worsens improved:worsened improving:worsening strengthen:weaken strengthens:weakens import:export
imports:exports imported:exported arrive:depart arrives:departs arrived:departed ancient:modern male:female men:women
man:woman boy:girl boys:girls father:mother son:daughter brother:sister husband:wife king:queen morning:evening
sunrise:sunset acidic:alkaline public:private urban:rural domestic:foreign temporary:permanent visible:invisible
active:inactive direct:indirect directly:indirectly dependent:independent advantage:disadvantage
advantages:disadvantages benefits:harms beneficial:harmful useful:useless success:failure profit:loss income:expense
majority:minority nearest:farthest closer:farther shallow:deep thin:thick outer:inner inner:outer vertical:horizontal
convex:concave ascending:descending forward:backward forwards:backwards clockwise:counterclockwise superior:inferior
predator:prey victory:defeat attracts:repels expands:contracts expanded:contracted melts:freezes heats:cools
sweet:sour predictable:unpredictable reliable:unreliable necessary:unnecessary likely:unlikely able:unable
known:unknown similar:different equal:unequal accurate:inaccurate efficient:inefficient effective:ineffective
appropriate:inappropriate essential:optional upper>lower raise>lower raises>lowers raised>lowered liquid>solid
rising:falling accept>reject accepts:rejects rises>falls closed>open above:below everyone>nobody
big:small fast:slow
"""
"""Pairs whose exchange makes a different claim and leaves a grammatical sentence; `a>b` holds in this direction only.

Left out are words that are mostly something else (`left`, `even`, `light`) and synonyms.
"""

CONNECTIVES = {
    "because": "cause", "since": "cause", "as": "cause", "because of": "cause", "due to": "cause",
    "thanks to": "cause", "therefore": "result", "thus": "result", "hence": "result", "consequently": "result",
    "accordingly": "result", "as a result": "result", "for this reason": "result", "so": "result",
    "however": "contrast", "nevertheless": "contrast", "even so": "contrast", "nonetheless": "contrast",
    "but": "contrast",
    "on the other hand": "contrast", "by contrast": "contrast", "in contrast": "contrast", "yet": "contrast",
    "although": "concession", "though": "concession", "even though": "concession", "despite": "concession",
    "in spite of": "concession", "if": "condition", "when": "condition", "as long as": "condition",
    "provided that": "condition", "unless": "exception", "except when": "exception", "before": "earlier",
    "after": "later", "until": "earlier",
}  # fmt: skip
"""Connective -> relation that it states between two clauses."""

DEMONYMS = {
    "EU": (
        "French German Italian Spanish Portuguese Dutch Belgian Swiss Austrian Polish Czech Hungarian Greek "
        "Swedish Norwegian Danish Finnish Irish British Scottish Russian Ukrainian Romanian Bulgarian Serbian "
        "Croatian"
    ),
    "AS": (
        "Chinese Japanese Korean Indian Thai Vietnamese Indonesian Malaysian Iranian Iraqi Israeli Pakistani "
        "Turkish Mongolian"
    ),
    "AF": "Egyptian Nigerian Kenyan Moroccan Ethiopian Ghanaian Algerian Tunisian Senegalese",
    "AM": "American Canadian Mexican Brazilian Argentine Chilean Colombian Peruvian Cuban",
    "OC": "Australian",
}
"""Part of the world -> adjectives of its peoples."""

WOMEN = words("""
    Alice Amanda Amy Andrea Angela Anna Barbara Betty Carla Carol Caroline Catherine Chloe Christina Claire Cynthia
    Daisy Deborah Diana Donna Dorothy Elena Elizabeth Ella Ellen Emily Emma Erica Esther Eva Evelyn Fatima Fiona
    Frances Gloria Hannah Heather Helen Irene Isabel Isabella Jane Janet Jasmine Jennifer Jenny Jessica Jill Joan
    Joanna Josephine Joyce Judith Judy Julia Julie Karen Kate Katherine Katie Kelly Kim Laura Lauren Leah Lena Leila
    Linda Lisa Louise Lucia Lucy Lydia Maria Marie Martha Mary Megan Melissa Mia Michelle Molly Monica Nancy Naomi
    Natalie Nicole Nina Nora Olivia Pamela Patricia Paula Priya Rachel Rebecca Rosa Rosie Ruby Ruth Samantha Sandra
    Sarah Sara Sharon Sofia Sophia Sophie Stella Stephanie Susan Tanya Teresa Tina Toni Vanessa Vera Wendy Yvonne
    Zoe
""")
MEN = words("""
    Aaron Adam Ahmed Alan Albert Alex Alfred Andrew Anthony Antonio Arthur Ben Benjamin Bernard Bill Billy Bob Boris
    Brad Brandon Brian Bruce Carl Carlos Charles Chris Christopher Craig Daniel Dave David Dennis Derek Diego Donald
    Doug Douglas Dylan Eddie Edward Eric Ethan Eugene Evan Felix Francis Frank Fred Gary George Gerald Gordon Greg
    Gregory Harold Harry Henry Howard Hugo Ian Isaac Ivan Jack Jacob Jake James Jason Jeff Jeremy Jerry Jim Jimmy
    Joe Joel John Johnny Jonathan Jose Joseph Joshua Juan Julian Justin Karl Keith Ken Kenneth Kevin Kyle Larry Leo
    Leon Leonard Liam Louis Lucas Luis Luke Marco Marcus Mario Martin Matt Matthew Michael Miguel Mike Mohammed
    Nathan Neil Nicholas Nick Noah Omar Oscar Owen Patrick Paul Pedro Peter Philip Phil Ralph Raymond Richard Rob
    Robert Roger Ronald Roy Russell Ryan Sam Samuel Scott Sean Sergio Simon Stanley Stephen Steve Steven Ted Terry
    Theo Thomas Tim Timothy Toby Todd Tom Tommy Tony Trevor Tyler Victor Vincent Walter Wayne William
""")
ROLES = frozenset(
    words("""
        aunt uncle cousin nephew niece grandmother grandfather stepbrother twin widow orphan landlord tenant neighbour
        neighbor roommate lodger caretaker janitor cleaner plumber carpenter electrician painter mechanic welder builder
        mason roofer gardener farmer shepherd fisherman hunter miner baker butcher cook chef waiter waitress barista
        bartender brewer grocer cashier clerk tailor barber hairdresser jeweller florist postman courier driver pilot
        sailor captain porter conductor guide ranger lifeguard firefighter policeman detective sheriff soldier
        general veteran nurse dentist surgeon pharmacist therapist vet optician scientist chemist biologist physicist
        astronomer geologist engineer architect surveyor inspector auditor accountant banker broker lawyer judge notary
        mayor senator governor ambassador priest monk nun bishop vicar librarian tutor headmaster principal
        coach trainer referee jockey boxer juggler magician clown dancer singer pianist violinist drummer poet novelist
        journalist editor photographer sculptor potter weaver blacksmith locksmith watchmaker shoemaker undertaker
        gambler burglar beggar tourist hiker camper jogger cyclist stranger stepmother stepfather godmother
        godfather fiancee intern apprentice volunteer donor sponsor auctioneer beekeeper
    """)
)
"""People by what they are or do: whoever is neither asked about nor spoken of is brought in from nowhere."""
NAMES_AND_WORDS = frozenset(
    words("""
    Bill Bob Frank Jack Joy Kim Leo Nick Rob Rose Ruby Ted Will Daisy Gloria Theo Toni Jordan
""")
)


SISTERS = {
    "planet": "Mercury Venus Mars Jupiter Saturn Uranus Neptune",
    "ocean": "Atlantic Pacific Arctic",
    "continent": "Africa Asia Europe Antarctica North_America South_America",
    "river": "Nile Mississippi Danube Rhine Yangtze Ganges Thames Volga Mekong",
    "colour": "red blue green yellow orange purple brown pink",
    "shape": "triangle square pentagon hexagon octagon",
    "shapes": "triangles squares pentagons hexagons octagons",
    "element": (
        "hydrogen helium lithium carbon nitrogen oxygen neon sodium magnesium silicon phosphorus sulfur "
        "chlorine argon potassium calcium nickel zinc tin iodine mercury uranium"
    ),
    "compound": "methane ammonia ethanol glucose lactose fructose",
    "organ": "liver stomach brain pancreas spleen bladder",
    "organs": "lungs kidneys intestines",
    "bone": "femur tibia humerus skull pelvis sternum",
    "nutrient": "protein fat fiber starch",
    "vitamin": "vitamin_A vitamin_B12 vitamin_C vitamin_D vitamin_E vitamin_K",
    "hormone": "insulin adrenaline cortisol melatonin estrogen testosterone",
    "particle": "protons neutrons electrons photons",
    "one particle": "proton neutron electron photon",
    "quantity": "velocity acceleration momentum",
    "cell part": "nucleus mitochondria ribosome chloroplast cytoplasm membrane",
    "molecule": "DNA RNA ATP",
    "season": "winter spring summer autumn",
    "science": "physics chemistry biology geology astronomy psychology economics sociology",
    "instrument": "piano violin guitar flute trumpet cello saxophone harp clarinet",
    "sport": "soccer basketball tennis baseball cricket hockey golf rugby volleyball",
    "religion": "Christianity Islam Judaism Hinduism Buddhism Sikhism",
    "programming language": "Python Java JavaScript Ruby Rust Perl PHP Haskell",
    "company": "Google Apple Microsoft Amazon IBM Intel Facebook Samsung Sony Nokia",
    "car maker": "Toyota Ford Honda Volkswagen Nissan Hyundai Tesla",
    "metal": "gold silver copper iron aluminum",
    "gas": "carbon_dioxide carbon_monoxide nitrogen_dioxide sulfur_dioxide",
    "mammal": "dog cat horse cow pig sheep goat rabbit lion tiger elephant whale wolf fox",
    "mammals": "dogs cats horses cows pigs goats rabbits lions tigers elephants whales bears wolves foxes",
    "animal class": "mammals birds reptiles amphibians insects",
    "bird": "eagle owl penguin ostrich parrot sparrow",
    "fruit": "apple banana orange pear mango lemon peach",
    "fruits": "apples bananas oranges pears mangoes lemons peaches grapes strawberries",
    "vegetables": "carrots potatoes tomatoes onions beans cabbages cucumbers",
    "drink": "coffee tea beer wine milk juice",
    "grain": "wheat rice corn barley rye oats",
    "branch of government": "legislative executive judicial",
    "war": "World_War_I World_War_II",
    "era": "Renaissance Enlightenment Reformation",
    "god": "Zeus Poseidon Apollo Athena Hermes Ares Aphrodite Artemis",
    "part of speech": "noun verb adjective adverb pronoun",
    "average": "mean median",
    "scale": "Celsius Fahrenheit Kelvin",
    "finger": "thumb index_finger ring_finger",
    "relative": "grandmother aunt cousin niece mother sister daughter",
    "relative of man": "grandfather uncle nephew father brother son",
    "meal": "breakfast lunch dinner",
    "coin": "penny nickel dime",
    "coins": "pennies nickels dimes",
    "blood": "arteries veins capillaries",
}  # fmt: skip
"""Sister set -> its words; `_` stands for a space."""
NEGATION = frozenset({"not", "no", "never", "cannot", "without", "neither", "nor", "none"})
"""Words that deny, beside those that end in n't."""
