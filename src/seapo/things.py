"""Things that are counted, owned, eaten, ridden or visited, by kind: common nouns that can stand for each other.

Within a kind any thing can take another's place in a sentence, which then speaks of something else; but not within one
of its groups (`boxes`, `cartons`), since those may mean the same. The groups of a kind stand in the order of how often
people write of them, so that a thing drawn by `Thing.weight` is as common as the one that it stands for.
"""

from dataclasses import dataclass
from functools import cache

_COUNTED = {
    "people": """
        student/students pupil/pupils child/children kid/kids boy/boys girl/girls;
        friend/friends classmate/classmates; player/players teammate/teammates; guest/guests visitor/visitors;
        customer/customers client/clients buyer/buyers; woman/women lady/ladies; man/men; teacher/teachers
        instructor/instructors; passenger/passengers traveler/travelers; runner/runners; neighbor/neighbors
        neighbour/neighbours; farmer/farmers; soldier/soldiers; doctor/doctors; voter/voters; nurse/nurses;
        driver/drivers; singer/singers; dancer/dancers; painter/painters; user/users; reader/readers; expert/experts;
        researcher/researchers scientist/scientists; writer/writers author/authors; artist/artists; fan/fans
        spectator/spectators; owner/owners; leader/leaders; developer/developers programmer/programmers;
        manager/managers; engineer/engineers; citizen/citizens; viewer/viewers; lawyer/lawyers; critic/critics;
        historian/historians; investor/investors; judge/judges; camper/campers; cashier/cashiers; coach/coaches;
        chef/chefs cook/cooks; sailor/sailors; patient/patients; tourist/tourists; baker/bakers; pilot/pilots;
        pirate/pirates; monk/monks; clown/clowns; carpenter/carpenters; plumber/plumbers; knight/knights;
        librarian/librarians; actor/actors; reporter/reporters
    """,
    "relatives": """
        brother/brothers; sister/sisters; mother/mothers mom/moms mum/mums; father/fathers dad/dads; son/sons;
        daughter/daughters; wife/wives; husband/husbands; grandmother/grandmothers grandma/grandmas; uncle/uncles;
        cousin/cousins; aunt/aunts; grandfather/grandfathers grandpa/grandpas; nephew/nephews; niece/nieces;
        grandchild/grandchildren; roommate/roommates; boss/bosses
    """,
    "beasts": """
        cow/cows calf/calves; goat/goats; horse/horses pony/ponies; pig/pigs piglet/piglets; sheep/sheep lamb/lambs;
        elephant/elephants; lion/lions; monkey/monkeys; alligator/alligators; zebra/zebras; giraffe/giraffes;
        camel/camels; whale/whales; dolphin/dolphins; tiger/tigers; bear/bears panda/pandas; wolf/wolves; fox/foxes;
        deer/deer; donkey/donkeys; seal/seals
    """,
    "birds": """
        parrot/parrots; crow/crows; chicken/chickens hen/hens rooster/roosters chick/chicks; duck/ducks; goose/geese;
        penguin/penguins; owl/owls; turkey/turkeys; swallow/swallows; swan/swans
    """,
    "pets": """
        fish/fish goldfish/goldfish trout/trout guppy/guppies shark/sharks; dog/dogs puppy/puppies; cat/cats
        kitten/kittens; turtle/turtles; snake/snakes; rabbit/rabbits bunny/bunnies; frog/frogs; squirrel/squirrels;
        mouse/mice; hamster/hamsters; lizard/lizards gecko/geckos; toad/toads
    """,
    "critters": """
        ant/ants; crab/crabs; bee/bees; spider/spiders; caterpillar/caterpillars; butterfly/butterflies;
        octopus/octopuses; beetle/beetles; oyster/oysters; cricket/crickets; snail/snails; lobster/lobsters
    """,
    "sweets": """
        cookie/cookies biscuit/biscuits; cake/cakes cupcake/cupcakes cheesecake/cheesecakes; candy/candies sweet/sweets
        lollipop/lollipops jellybean/jellybeans marshmallow/marshmallows; pie/pies tart/tarts; donut/donuts
        doughnut/doughnuts; brownie/brownies; muffin/muffins; pancake/pancakes; croissant/croissants; cracker/crackers;
        pretzel/pretzels; waffle/waffles; bagel/bagels; popsicle/popsicles
    """,
    "meals": """
        egg/eggs; pizza/pizzas; sandwich/sandwiches hamburger/hamburgers burger/burgers; steak/steaks; sausage/sausages
        hotdog/hotdogs; omelet/omelets; taco/tacos; meatball/meatballs; dumpling/dumplings; burrito/burritos
    """,
    "fruits": """
        apple/apples; orange/oranges; banana/bananas; tomato/tomatoes; strawberry/strawberries; peach/peaches;
        potato/potatoes; lemon/lemons; carrot/carrots; mango/mangoes; watermelon/watermelons; grape/grapes;
        coconut/coconuts; pear/pears; pepper/peppers; onion/onions; mushroom/mushrooms; cucumber/cucumbers;
        cherry/cherries; pumpkin/pumpkins; blueberry/blueberries; plum/plums; walnut/walnuts; avocado/avocados;
        pineapple/pineapples; papaya/papayas; pickle/pickles; radish/radishes; almond/almonds; peanut/peanuts;
        acorn/acorns
    """,
    "plants": """
        tree/trees; flower/flowers rose/roses tulip/tulips daisy/daisies lily/lilies sunflower/sunflowers orchid/orchids
        violet/violets; seed/seeds; leaf/leaves; bush/bushes; branch/branches; petal/petals; cactus/cactuses;
        fern/ferns; root/roots; vine/vines; weed/weeds
    """,
    "belongings": """
        toy/toys; marble/marbles; card/cards; block/blocks; pencil/pencils; sticker/stickers; pen/pens;
        balloon/balloons; stamp/stamps; ball/balls; crayon/crayons; doll/dolls; notebook/notebooks; candle/candles;
        coin/coins; pill/pills tablet/tablets; bead/beads; phone/phones; eraser/erasers; photo/photos picture/pictures;
        shell/shells seashell/seashells; letter/letters; stick/sticks; button/buttons; gift/gifts present/presents;
        rock/rocks stone/stones; painting/paintings drawing/drawings; poster/posters; umbrella/umbrellas;
        computer/computers laptop/laptops; envelope/envelopes; basketball/basketballs; ring/rings; token/tokens;
        clip/clips; ribbon/ribbons; kite/kites; key/keys; magnet/magnets; brush/brushes; guitar/guitars; flute/flutes;
        trumpet/trumpets; camera/cameras; puzzle/puzzles; feather/feathers; whistle/whistles; widget/widgets;
        domino/dominoes; weight/weights; flag/flags; lantern/lanterns; mask/masks; drum/drums; mirror/mirrors;
        medal/medals trophy/trophies; hammer/hammers; ladder/ladders; rope/ropes; nail/nails screw/screws;
        pebble/pebbles; watch/watches clock/clocks; radio/radios; helmet/helmets; ornament/ornaments
    """,
    "clothes": """
        shirt/shirts blouse/blouses; shoe/shoes boot/boots sneaker/sneakers; dress/dresses skirt/skirts; hat/hats
        cap/caps; necklace/necklaces; bracelet/bracelets; sock/socks; coat/coats jacket/jackets; earring/earrings;
        sweater/sweaters; scarf/scarves; glove/gloves mitten/mittens; belt/belts; apron/aprons; towel/towels;
        blanket/blankets; pillow/pillows; tie/ties; bonnet/bonnets
    """,
    "furniture": """
        chair/chairs seat/seats; table/tables desk/desks; plate/plates dish/dishes; bed/beds; spoon/spoons;
        window/windows; wall/walls; shelf/shelves; bowl/bowls; tile/tiles; knife/knives; pot/pots pan/pans; door/doors;
        fork/forks; brick/bricks; lamp/lamps; bench/benches; curtain/curtains; rug/rugs carpet/carpets; mug/mugs;
        sofa/sofas couch/couches; plank/planks board/boards; tray/trays; vase/vases; statue/statues; bulb/bulbs;
        stove/stoves oven/ovens; post/posts pole/poles; cupboard/cupboards cabinet/cabinets
    """,
    "containers": """
        box/boxes crate/crates carton/cartons case/cases; bag/bags sack/sacks pack/packs packet/packets
        package/packages; bottle/bottles; can/cans tin/tins; jar/jars; glass/glasses; basket/baskets; bucket/buckets
        pail/pails; tank/tanks; barrel/barrels; tub/tubs; drawer/drawers; bundle/bundles; bin/bins; cooler/coolers;
        backpack/backpacks; suitcase/suitcases; wallet/wallets purse/purses; pouch/pouches; trunk/trunks
    """,
    "bikes": """
        bike/bikes bicycle/bicycles; motorcycle/motorcycles; wagon/wagons carriage/carriages; scooter/scooters;
        sled/sleds; skateboard/skateboards
    """,
    "vehicles": """
        car/cars; bus/buses; truck/trucks; train/trains; boat/boats ship/ships canoe/canoes; plane/planes
        airplane/airplanes; van/vans; tractor/tractors; taxi/taxis; ferry/ferries; helicopter/helicopters;
        rocket/rockets; tram/trams
    """,
    "places": """
        house/houses home/homes; room/rooms bedroom/bedrooms; school/schools; store/stores shop/shops market/markets
        supermarket/supermarkets mall/malls; apartment/apartments; park/parks; farm/farms; office/offices;
        garden/gardens; lake/lakes pond/ponds; hotel/hotels; restaurant/restaurants cafe/cafes; library/libraries;
        city/cities town/towns village/villages; zoo/zoos; beach/beaches; factory/factories; field/fields; bank/banks;
        museum/museums; hospital/hospitals; garage/garages; gym/gyms; theater/theaters cinema/cinemas; bakery/bakeries;
        church/churches; island/islands; forest/forests; barn/barns; airport/airports; pool/pools; stadium/stadiums;
        kitchen/kitchens; castle/castles; basement/basements; harbor/harbors; tower/towers; mountain/mountains
        hill/hills; river/rivers; bridge/bridges; cave/caves; station/stations; driveway/driveways; lawn/lawns;
        aquarium/aquariums; camp/camps; mine/mines; desert/deserts; temple/temples
    """,
    "works": """
        book/books textbook/textbooks novel/novels; song/songs; movie/movies film/films; episode/episodes;
        chapter/chapters; magazine/magazines newspaper/newspapers; story/stories; video/videos; poem/poems;
        comic/comics; album/albums record/records; essay/essays paper/papers; recipe/recipes; report/reports;
        email/emails message/messages text/texts; play/plays; map/maps; speech/speeches; joke/jokes;
        sculpture/sculptures; diary/diaries; riddle/riddles; brochure/brochures flyer/flyers; calendar/calendars;
        quiz/quizzes; catalog/catalogs; app/apps
    """,
    "parts of works": """
        page/pages; word/words; question/questions problem/problems; line/lines; sentence/sentences; verse/verses;
        paragraph/paragraphs; note/notes; footnote/footnotes; drawing/drawings
    """,
    "portions": """
        piece/pieces slice/slices; serving/servings portion/portions; scoop/scoops; batch/batches; spoonful/spoonfuls;
        bite/bites; crumb/crumbs; handful/handfuls
    """,
    "payments": """
        discount/discounts coupon/coupons; tip/tips; tax/taxes; fee/fees charge/charges; profit/profits; rent/rents;
        salary/salaries wage/wages; bonus/bonuses; loan/loans debt/debts; donation/donations; deposit/deposits;
        refund/refunds rebate/rebates; fine/fines; commission/commissions; bill/bills; prize/prizes; toll/tolls
    """,
    "rounds": """
        point/points; lap/laps; goal/goals; round/rounds; step/steps; session/sessions; jump/jumps; stair/stairs;
        shot/shots; set/sets; mark/marks; dive/dives; skip/skips; dance/dances
    """,
    "events": """
        trip/trips tour/tours vacation/vacations holiday/holidays visit/visits ride/rides flight/flights race/races;
        class/classes lesson/lessons course/courses; party/parties; concert/concerts; test/tests exam/exams;
        match/matches; meeting/meetings; practice/practices; wedding/weddings; project/projects; walk/walks; meal/meals
        dinner/dinners lunch/lunches breakfast/breakfasts; shift/shifts; show/shows; festival/festivals; sale/sales;
        auction/auctions; picnic/picnics; parade/parades; haircut/haircuts; interview/interviews; nap/naps;
        contest/contests competition/competitions; hike/hikes; funeral/funerals; swim/swims; fair/fairs
    """,
}
"""Kind -> its groups, each a row of `one/many`; no word stands twice."""
_UNCOUNTED = {
    "foodstuffs": """
        water; milk; juice lemonade; flour; sugar; rice; bread; cheese; coffee; beef meat ham bacon; chicken; chocolate;
        corn; butter; tea; soda cola; ice; honey; salt; pasta spaghetti; soup; cereal; popcorn; oil; beer; wine; dough;
        sauce ketchup; cream; jam jelly; vanilla; granola oatmeal; yogurt; vinegar; cinnamon; salad lettuce; garlic;
        ginger; tofu; mustard; wheat; hay; cider; syrup; pepperoni; spinach
    """,
    "stuff": """
        sand; paint; fabric cloth; soap detergent shampoo; gas gasoline fuel petrol; wood lumber; dirt soil; paper;
        gold; wool yarn; clay; glue; grass; concrete cement; coal; plastic; snow; rain; silver; copper; wire; straw;
        steel iron; leather; wax; silk; marble; rubber; gravel; salt
    """,
    "doings": """
        cleaning; walking; reading; running jogging training exercising swimming; playing; shopping; cooking; sleeping;
        writing; driving; baking; dancing; singing; fishing; painting; studying; biking cycling; mowing; practicing;
        laundry; homework; gardening; hiking; skating; babysitting; sewing knitting; climbing; typing; tutoring;
        packing; camping; skiing; ironing; sweeping; boxing; rowing; weeding; juggling; juicing; fencing; golfing
    """,
}
"""The same for what has no plural."""
ONE, MANY, MASS = "one", "many", "mass"


@dataclass(frozen=True)
class Thing:
    """A word for a thing."""

    word: str
    kind: str
    group: int
    """Place among the groups of its kind, the commonest first."""
    form: str
    """ONE, MANY or MASS."""

    @property
    def weight(self) -> float:
        """How readily it is drawn: about as often as people write of it."""
        return 1 / (self.group + 4)


def thing_of(word: str) -> Thing | None:
    """The thing that a word names, None for other words; of `fish` the plural."""
    return _things().get(word.lower())


def things_like(thing: Thing) -> tuple[Thing, ...]:
    """Other things of the same kind and form that cannot mean the same."""
    return tuple(other for other in _by_kind()[thing.kind, thing.form] if other.group != thing.group)


def forms_of(word: str) -> frozenset[str]:
    """Every word of a thing's group, singular and plural, so that none of them counts as something new."""
    thing = thing_of(word)
    return frozenset() if thing is None else _groups()[thing.kind, thing.group]


def in_form(thing: Thing, form: str) -> Thing:
    """The first thing of its group in another form; itself where the group has none."""
    others = (other for other in _by_kind().get((thing.kind, form), ()) if other.group == thing.group)
    return thing if thing.form == form else next(others, thing)


def are_different_things(old: str, new: str) -> bool:
    """Whether two words name things of one kind that cannot be the same."""
    left, right = thing_of(old), thing_of(new)
    return left is not None and right is not None and left.kind == right.kind and left.group != right.group


@cache
def _things() -> dict[str, Thing]:
    found: dict[str, Thing] = {}
    for kind, table in (*_COUNTED.items(), *_UNCOUNTED.items()):
        for group, row in enumerate(table.split(";")):
            for entry in row.split():
                one, _, many = entry.partition("/")
                forms = ((one, ONE), (many, MANY)) if many else ((one, MASS),)
                for word, form in forms if one != many else ((one, MANY),):
                    found.setdefault(word, Thing(word, kind, group, form))
    return found


@cache
def _by_kind() -> dict[tuple[str, str], tuple[Thing, ...]]:
    found: dict[tuple[str, str], list[Thing]] = {}
    for thing in _things().values():
        found.setdefault((thing.kind, thing.form), []).append(thing)
    return {key: tuple(things) for key, things in found.items()}


@cache
def _groups() -> dict[tuple[str, int], frozenset[str]]:
    found: dict[tuple[str, int], set[str]] = {}
    for thing in _things().values():
        found.setdefault((thing.kind, thing.group), set()).add(thing.word)
    return {key: frozenset(group) for key, group in found.items()}
