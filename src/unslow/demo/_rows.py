"""The shop's data: the same rows for the same size, table by table."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Row = tuple[object, ...]


def _words(text: str, separator: str = " ") -> list[str]:
    return text.split(separator)


OPENING = datetime(2024, 1, 1, 8, tzinfo=UTC)
TRADING_DAYS = 730
ITEMS_PER_ORDER = (1, 9)
ADDRESSES_PER_CUSTOMER = 2
BRANCHES = 4  # children of a category that has any

COUNTRIES = _words(
    "AT Austria|BE Belgium|BG Bulgaria|CH Switzerland|CZ Czechia|DE Germany|DK Denmark|EE Estonia|"
    "ES Spain|FI Finland|FR France|GR Greece|HR Croatia|HU Hungary|IE Ireland|IT Italy|"
    "LT Lithuania|LV Latvia|NL Netherlands|NO Norway|PL Poland|PT Portugal|RO Romania|SE Sweden|"
    "SI Slovenia|SK Slovakia",
    "|",
)
CITIES = _words(
    "Antwerp Bergen Bologna Brno Cork Gdansk Ghent Graz Hamburg Leipzig Lille Lyon Malmo Nantes "
    "Porto Riga Seville Tartu Turin Utrecht"
)
FIRST_NAMES = _words(
    "Ada Anton Bea Carla Dario Elif Emil Frida Hugo Ines Jana Jonas Karim Lena Luca Mara Nils Olga "
    "Pavel Rosa Sofia Tariq Uma Viktor Wanda Yusuf Zoe"
)
LAST_NAMES = _words(
    "Adler Bauer Costa Dvorak Eriksen Fischer Garcia Horvat Ivanov Jansen Kovacs Lindberg Moreau "
    "Novak Olsen Peeters Rossi Santos Tamm Urban Virtanen Weber Zeman"
)
INDUSTRIES = _words("retail catering construction education health logistics")
JOB_TITLES = ("Account manager", "Buyer", "Head of sales", "Support engineer", "Warehouse lead")
CATEGORIES = _words("garden kitchen office outdoor storage workshop")
TAGS = _words(
    "bestseller bulky clearance compact durable eco essential fragile gift handmade imported "
    "indoor light local new outdoor oversized premium recycled refurbished seasonal set small "
    "steel vegan vintage waterproof wide wood wool"
)
MATERIALS = _words("Bamboo Brass Ceramic Cork Cotton Glass Linen Oak Steel Walnut")
THINGS = _words("Basket Bench Bowl Chair Hook Jar Lamp Rack Shelf Stool Table Tray Vase")
STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")
STATUS_WEIGHTS = (2, 3, 8, 82, 5)
METHODS = ("card", "invoice", "transfer", "voucher", "cheque")
METHOD_WEIGHTS = (50, 25, 20, 4, 1)
CARRIERS = ("Courier", "Parcel", "Post", "Freight")
KINDS = ("sale", "purchase", "return", "correction")
KIND_WEIGHTS = (90, 6, 3, 1)
PROSE = (
    "Arrived well packed and a day early. The finish is even and the joints are tight. "
    "We use it every day and it shows no wear. The colour is a little darker than in the picture. "
    "Delivery took longer than promised but the support answered at once. "
)


@dataclass(frozen=True)
class Counts:
    """How many rows of each kind a shop with `orders` orders has."""

    orders: int

    @property
    def companies(self) -> int:
        return max(60, self.orders // 80)

    @property
    def customers(self) -> int:
        return max(120, self.orders // 10)

    @property
    def suppliers(self) -> int:
        return max(20, self.orders // 320)

    @property
    def products(self) -> int:
        return max(160, self.orders // 12)

    @property
    def reviews(self) -> int:
        return max(1600, self.orders)

    @property
    def movements(self) -> int:
        return self.orders * 10

    @property
    def comments(self) -> int:
        return max(100, self.orders // 4)

    users: int = 100


def rows(counts: Counts) -> Iterator[tuple[str, tuple[str, ...], Iterator[Row]]]:
    """Yield (table, columns, rows), parents before their children. Keys count from 1."""
    dice = random.Random(20240101)
    yield "country", ("code", "name"), (tuple(line.split(" ", 1)) for line in COUNTRIES)
    yield "user", ("username", "first_name", "last_name", "email"), _users(dice, counts)
    yield "profile", ("user_id", "job_title", "phone", "office_id"), _profiles(dice, counts)
    company = ("name", "industry", "vat_number", "country_id")
    yield "company", company, _companies(dice, counts)
    customer = ("name", "email", "company_id", "account_manager_id", "created_at")
    yield "customer", customer, _customers(dice, counts)
    address = ("customer_id", "street", "city", "postcode", "country_id")
    yield "address", address, _addresses(dice, counts)
    yield "supplier", ("name", "country_id"), _suppliers(dice, counts)
    yield "category", ("name", "slug", "parent_id"), _categories()
    yield "tag", ("name",), ((tag,) for tag in TAGS)
    product = ("sku", "name", "description", "price", "active", "supplier_id")
    yield "product", product, _products(dice, counts)
    yield "product_categories", ("product_id", "category_id"), _links(dice, counts, _leaves(), 1)
    yield "product_tags", ("product_id", "tag_id"), _links(dice, counts, range(1, 31), 2)
    yield "inventory", ("product_id", "warehouse", "quantity"), _inventory(dice, counts)
    review = ("product_id", "customer_id", "rating", "title", "body", "created_at")
    yield "review", review, _reviews(dice, counts)
    movement = ("product_id", "kind", "quantity", "reference", "happened_at")
    yield "movement", movement, _movements(dice, counts)
    yield from _sales(dice, counts)
    comment = ("author_id", "subject_type", "subject_id", "body", "created_at")
    yield "comment", comment, _comments(dice, counts)


def _sales(
    dice: random.Random, counts: Counts
) -> Iterator[tuple[str, tuple[str, ...], Iterator[Row]]]:
    choice = random.Random(20240102)
    baskets = [_basket(choice, counts) for _ in range(counts.orders)]
    order = ("number", "customer_id", "shipping_address_id", "placed_by_id", "status", "total")
    yield "order", (*order, "note", "placed_at"), _orders(dice, counts, baskets)
    item = ("order_id", "product_id", "quantity", "unit_price")
    yield "order_item", item, _items(baskets)
    payment = ("order_id", "amount", "method", "reference", "paid_at")
    yield "payment", payment, _payments(dice, counts, baskets)
    shipment = ("order_id", "carrier", "tracking_number", "shipped_at")
    yield "shipment", shipment, _shipments(dice, counts)


Basket = list[tuple[int, int]]  # (product, quantity)


def _moment(position: int, total: int) -> datetime:
    """The time of the `position`th of `total` events, spread evenly over the trading days."""
    return OPENING + timedelta(seconds=position * TRADING_DAYS * 86_400 // total)


def _price(product: int) -> int:
    """In cents."""
    return 199 + product * 7919 % 20_000


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _person(dice: random.Random) -> tuple[str, str]:
    return dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)


def _users(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for user in range(1, counts.users + 1):
        first, last = _person(dice)
        name = f"{first}.{last}{user}".lower()
        yield name, first, last, f"{name}@shop.example"


def _profiles(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for user in range(1, counts.users + 1):
        phone = f"+43 1 {dice.randrange(100_000, 999_999)}"
        yield user, dice.choice(JOB_TITLES), phone, dice.randint(1, len(COUNTRIES))


def _companies(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for company in range(1, counts.companies + 1):
        industry = dice.choice(INDUSTRIES)
        name = f"{dice.choice(LAST_NAMES)} {industry.title()} {company}"
        yield name, industry, f"EU{company * 7907 % 10_000_000:08d}", _any(dice, len(COUNTRIES))


def _customers(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for customer in range(1, counts.customers + 1):
        first, last = _person(dice)
        email = f"{first}.{last}.{customer}@customer.example".lower()
        manager = _any(dice, counts.users) if customer % 3 else None
        created = _moment(customer, counts.customers)
        yield f"{first} {last}", email, _any(dice, counts.companies), manager, created


def _addresses(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for customer in range(1, counts.customers + 1):
        for _ in range(ADDRESSES_PER_CUSTOMER):
            street = f"{dice.choice(LAST_NAMES)} Street {_any(dice, 99)}"
            postcode = str(dice.randrange(1000, 9999))
            yield customer, street, dice.choice(CITIES), postcode, _any(dice, len(COUNTRIES))


def _suppliers(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for supplier in range(1, counts.suppliers + 1):
        yield f"{dice.choice(MATERIALS)} Works {supplier}", _any(dice, len(COUNTRIES))


def _categories() -> Iterator[Row]:
    """Three levels: the roots first, then their branches, then the leaves."""
    for root in CATEGORIES:
        yield root.title(), root, None
    for level in ("a", "b"):
        first, parents = (
            (1, len(CATEGORIES)) if level == "a" else (len(CATEGORIES) + 1, _branches())
        )
        for parent in range(first, first + parents):
            for branch in range(1, BRANCHES + 1):
                yield f"{level.upper()} {parent}.{branch}", f"{level}-{parent}-{branch}", parent


def _branches() -> int:
    return len(CATEGORIES) * BRANCHES


def _leaves() -> range:
    first = len(CATEGORIES) + _branches() + 1
    return range(first, first + _branches() * BRANCHES)


def _products(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for product in range(1, counts.products + 1):
        name = f"{dice.choice(MATERIALS)} {dice.choice(THINGS)} {product}"
        supplier = _any(dice, counts.suppliers)
        yield (
            f"P-{product:06d}",
            name,
            PROSE[:83],
            _money(_price(product)),
            product % 10 != 0,
            supplier,
        )


def _links(dice: random.Random, counts: Counts, targets: range, per_product: int) -> Iterator[Row]:
    for product in range(1, counts.products + 1):
        for target in sorted(dice.sample(targets, per_product)):
            yield product, target


def _inventory(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for product in range(1, counts.products + 1):
        yield product, dice.choice(CITIES), dice.randint(0, 200)


def _reviews(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for review in range(1, counts.reviews + 1):
        rating = dice.choice((3, 4, 4, 4, 5, 1, 2))
        title = f"{rating} of 5, says buyer {review}"
        who = _any(dice, counts.customers)
        when = _moment(review, counts.reviews)
        yield _any(dice, counts.products), who, rating, title, PROSE, when


def _movements(dice: random.Random, counts: Counts) -> Iterator[Row]:
    kinds = dice.choices(KINDS, KIND_WEIGHTS, k=counts.movements)
    for movement, kind in enumerate(kinds, 1):
        reference = f"M-{movement * 104_729 % 15_485_863:08d}"
        when = _moment(movement, counts.movements)
        yield _any(dice, counts.products), kind, dice.randint(1, 20), reference, when


def _basket(dice: random.Random, counts: Counts) -> Basket:
    size = dice.randint(*ITEMS_PER_ORDER)
    return [(_any(dice, counts.products), dice.randint(1, 5)) for _ in range(size)]


def _total(basket: Basket) -> int:
    return sum(quantity * _price(product) for product, quantity in basket)


def _orders(dice: random.Random, counts: Counts, baskets: list[Basket]) -> Iterator[Row]:
    statuses = dice.choices(STATUSES, STATUS_WEIGHTS, k=counts.orders)
    for order, (status, basket) in enumerate(zip(statuses, baskets, strict=True), 1):
        customer = _any(dice, counts.customers)
        address = customer * ADDRESSES_PER_CUSTOMER - dice.randrange(ADDRESSES_PER_CUSTOMER)
        seller = _any(dice, counts.users) if order % 4 else None
        number = f"{order * 7919 % 1_000_003:07d}"
        when = _moment(order, counts.orders)
        yield number, customer, address, seller, status, _money(_total(basket)), PROSE[:60], when


def _items(baskets: list[Basket]) -> Iterator[Row]:
    for order, basket in enumerate(baskets, 1):
        for product, quantity in basket:
            yield order, product, quantity, _money(_price(product))


def _payments(dice: random.Random, counts: Counts, baskets: list[Basket]) -> Iterator[Row]:
    for order, basket in enumerate(baskets, 1):
        parts = 1 + order % 2
        for part in range(parts):
            amount = _money(_total(basket) // parts)
            reference = f"PAY-{(order * 2 + part) * 104_729 % 15_485_863:08d}"
            when = _moment(order, counts.orders) + timedelta(hours=1 + part)
            method = dice.choices(METHODS, METHOD_WEIGHTS)[0]
            yield order, amount, method, reference, when


def _shipments(dice: random.Random, counts: Counts) -> Iterator[Row]:
    for order in range(1, counts.orders + 1):
        if order % 10 < 7:
            tracking = f"TRK{order * 104_729 % 15_485_863:09d}"
            shipped = _moment(order, counts.orders) + timedelta(days=2)
            yield order, dice.choice(CARRIERS), tracking, shipped


def _comments(dice: random.Random, counts: Counts) -> Iterator[Row]:
    amounts = {"order": counts.orders, "customer": counts.customers, "product": counts.products}
    for comment in range(1, counts.comments + 1):
        kind = dice.choice(("order", "customer", "product"))
        when = _moment(comment, counts.comments)
        yield _any(dice, counts.users), kind, _any(dice, amounts[kind]), PROSE[37:83], when


def _any(dice: random.Random, count: int) -> int:
    return 1 + int(dice.random() * count)
