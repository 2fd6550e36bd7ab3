"""The words that texts are made of."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Ada Alan Amara Anton Aisha Beatrice Bruno Carla Chen Daniel Elena Emil Fatima Felix Grace
    Hannah Hugo Ines Ivan Jana Jonas Kofi Lena Liam Lucia Malik Maria Mateo Mei Mila Nadia
    Niko Noah Olga Omar Paula Priya Rafael Rosa Samir Sofia Stefan Tara Theo Uma Viktor Wanda
    Yara Yusuf Zoe
    """
)
LAST_NAMES = _words(
    """
    Adeyemi Andersson Bauer Becker Brown Costa Diaz Dubois Evans Fischer Garcia Haas Hansen
    Ito Ivanova Jansen Jones Kaya Keller Khan Kim Kowalski Larsen Lee Lopez Marino Martin
    Meyer Moreau Murphy Nakamura Novak Nowak Okafor Olsen Patel Petrov Popescu Rossi Santos
    Schmidt Silva Singh Smith Sousa Tanaka Varga Wagner Weber Zhang
    """
)
NOUNS = _words(
    """
    account anchor apple basket beacon bottle bridge button cabin camera candle carpet chair
    circle cloud copper corner cotton desk engine feather field filter forest frame garden
    glass hammer harbor island jacket kettle ladder lamp lantern ledger lemon letter linen
    mirror morning motor mountain needle notebook ocean orange paper pencil pepper pillow
    planet pocket polish river rocket saddle sample shelf signal silver socket spring stone
    summer table ticket timber tunnel umbrella valley velvet wagon water window winter wool
    """
)
ADJECTIVES = _words(
    """
    amber bold bright broad calm clean clear cool deep dry early easy fair fine firm fresh
    gentle golden grand green heavy hidden large light little lively mellow modern narrow neat
    open plain proud quick quiet rapid red round sharp silent simple slow small smooth soft
    solid steady strong sturdy tall tidy warm wide young
    """
)
VERBS = _words(
    """
    arrived asked brought carried changed checked closed counted covered crossed found gave
    held kept left lifted made measured moved named needed opened packed paid passed placed
    ran reached read returned saved sent showed started stayed stood took turned used waited
    wanted worked wrote
    """
)
CITIES = _words(
    """
    Accra Athens Bergen Berlin Bilbao Boston Brno Cairo Cork Dakar Delhi Denver Dublin Fukuoka
    Geneva Ghent Graz Hanoi Helsinki Lagos Leeds Lima Lisbon Lyon Malmo Milan Nairobi Oslo
    Porto Quito Riga Rome Seville Sofia Tallinn Toronto Turin Utrecht Vienna Zagreb
    """
)
COUNTRIES = {
    "AT": "Austria",
    "BE": "Belgium",
    "BR": "Brazil",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "EG": "Egypt",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "United Kingdom",
    "GH": "Ghana",
    "IE": "Ireland",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "KE": "Kenya",
    "NL": "Netherlands",
    "NO": "Norway",
    "PE": "Peru",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
    "VN": "Vietnam",
}
COLOURS = _words(
    """
    black blue brown green grey orange pink purple red silver white yellow
    """
)
STATES = ("active", "pending", "done", "new", "cancelled")
STREETS = ("Street", "Road", "Lane", "Avenue", "Square")
LEGAL_FORMS = ("Ltd", "GmbH", "Inc", "SA", "BV", "Group")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "SEK", "INR")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ja", "hi", "pl")
TIME_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Nairobi")
MEDIA_TYPES = ("image/png", "image/jpeg", "application/pdf", "text/plain", "text/csv")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
)
JOBS = ("accountant", "analyst", "baker", "designer", "driver", "engineer", "nurse", "teacher")
