"""The words that synthetic invoices are made of."""

FIELD_LABELS: dict[str, tuple[str, ...]] = {
    "number": ("Invoice number", "Invoice no.", "Invoice No", "Invoice #", "Invoice", "Inv. no.",
               "Bill number", "Document number", "Invoice ID"),
    "date": ("Invoice date", "Date", "Date of issue", "Issued", "Issued on", "Dated", "Bill date",
             "Issue date"),
    "due_date": ("Due date", "Due", "Payment due", "Pay by", "Payable by", "Due on",
                 "Please pay by", "Payment due date"),
    "total": ("Total", "Total due", "Amount due", "Grand total", "Invoice total", "Total amount",
              "To pay", "Balance due"),
    "tax_id": ("Tax ID", "VAT ID", "VAT number", "VAT no.", "Tax number", "VAT reg. no.",
               "Tax id", "Our VAT ID"),
    "quantity": ("Total quantity", "Quantity", "Units", "Number of items", "Pieces",
                 "Items in total", "Total units", "Total pieces"),
    "vendor": ("Vendor", "Seller", "From", "Supplier", "Sold by", "Issued by"),
}  # fmt: skip

CUSTOMER_LABELS = ("Bill to", "Customer", "Sold to", "To", "Buyer", "Deliver to")
CODE_LABELS = ("Order number", "PO number", "Purchase order", "Customer number", "Customer no.",
               "Delivery note", "Contract no.", "Account no.", "Your reference", "Ticket")  # fmt: skip
DATE_LABELS = ("Order date", "Delivery date", "Shipped", "Service date", "Delivered on")
AMOUNT_LABELS = ("Subtotal", "Net amount", "Net", "Goods", "Total before tax")
TAX_LABELS = ("VAT", "Tax", "VAT 19%", "VAT 20%", "Sales tax", "Tax 7.5%")
CONTACT_LABELS = ("Phone", "Tel.", "Fax", "Bank account", "IBAN")

NAMES = ("Aurora", "Alder", "Baltic", "Birch", "Bluebell", "Borealis", "Brook", "Cedar", "Cobalt",
         "Delta", "Dünen", "Eagle", "Elm", "Ember", "Fjord", "Flora", "Garnet", "Granite",
         "Harbour", "Hazel", "Heron", "Iris", "Ivory", "Juniper", "Köhler", "Lark", "Lotus",
         "Maple", "Meadow", "Müller", "Nimbus", "Nordlicht", "Oak", "Opal", "Orchid", "Pine",
         "Quartz", "Raven", "River", "Saffron", "Sánchez", "Slate", "Søndergaard", "Summit",
         "Tern", "Thistle", "Umber", "Vega", "Violet", "Willow", "Yarrow", "Zenith")  # fmt: skip
TRADES = ("Paper", "Tools", "Foods", "Logistics", "Systems", "Books", "Textiles", "Metals",
          "Glass", "Energy", "Furniture", "Printing", "Supplies", "Garden", "Lab", "Studio",
          "Trading", "Motors", "Optics", "Coffee")  # fmt: skip
COMPANY_FORMS = ("Ltd", "GmbH", "Inc.", "LLC", "AG", "S.A.", "B.V.", "Oy", "AB", "& Sons")
STREETS = ("Mill Road", "High Street", "Station Road", "Lindenweg", "Rue Verte", "Harbour Lane",
           "Park Avenue", "Market Square", "Via Roma", "Kings Court")  # fmt: skip
CITIES = ("Berlin", "Zürich", "London", "Lyon", "Porto", "Oslo", "Vienna", "Dublin", "Boston",
          "Austin", "Gdańsk", "Milan", "Málaga", "Turku", "Leeds", "Ghent", "東京", "Brno")  # fmt: skip
TAX_PREFIXES = ("DE", "GB", "FR", "ATU", "CHE", "NL", "IE", "IT", "ES", "PL", "SE", "DK", "US")
NUMBER_PREFIXES = ("INV", "RE", "FA", "SI", "R", "F", "IN", "BILL", "DOC", "A")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "PLN")
CURRENCY_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip

GOODS = ("copy paper", "steel bolts", "desk lamp", "oak shelf", "USB cable", "toner cartridge",
         "coffee beans", "garden hose", "safety gloves", "paint, white", "packing tape",
         "office chair", "light bulb", "notebook A5", "glass jar", "cotton cloth", "pump seal",
         "sensor kit", "consulting hour", "freight", "cleaning service", "licence fee",
         "hex key set", "water filter", "battery pack", "tea towel")  # fmt: skip

NOTES = (
    "Thank you for your business.",
    "Goods remain our property until paid in full.",
    "Please quote the invoice number with your payment.",
    "Payment by bank transfer only.",
    "Questions? Write to billing@example.com.",
    "Late payments are charged at 9% a year.",
    "All prices are net prices.",
    "Delivered free of charge.",
    "Please check the goods on arrival.",
    "This document was made by a computer and is valid without a signature.",
    "Returns are accepted within 14 days.",
    "Merci beaucoup - vielen Dank - muchas gracias!",
    "Keep this paper for ten years.",
    "Two pallets, handed over at the gate (door 3).",
)
_NOTE_TEXT = (
    "the and with for from this that have will been were they which about after before other time "
    "year people work day house world school place group number part water room mother area money "
    "story fact month right study book eye job word side kind head far black long great little own "
    "large public young early small national old different often never always today again still "
    "summary contract report email text document sentence language question answer value model "
    "positive negative neutral yes no maybe quick brown fox jumps over lazy dog hello please read"
)
NOTE_WORDS = _NOTE_TEXT.split()

SALUTATIONS = (
    "Dear Sir or Madam,",
    "Dear customer,",
    "Hello,",
    "Good day,",
    "To whom it concerns,",
)
TITLES = ("INVOICE", "Invoice", "Tax invoice", "BILL", "Rechnung / Invoice", "COMMERCIAL INVOICE")

# Sentences of a letter: the fields that each one states, and ways to say it.
SENTENCES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("number", "date"),
        (
            "This is our invoice {number} of {date}.",
            "Please find our invoice {number}, dated {date}.",
            "On {date} we issued invoice {number} to you.",
            "Invoice no. {number} was issued on {date}.",
        ),
    ),
    (
        ("total", "due_date"),
        (
            "The total of {total} is due by {due_date}.",
            "Please pay {total} by {due_date}.",
            "Please pay by {due_date}. The amount due is {total}.",
            "We kindly ask you to transfer the total amount of {total} no later than {due_date}.",
        ),
    ),
    (
        ("quantity",),
        (
            "We delivered {quantity} units in total.",
            "The total quantity is {quantity}.",
            "It covers {quantity} pieces.",
        ),
    ),
    (
        ("tax_id",),
        (
            "Our tax ID is {tax_id}.",
            "Our VAT number: {tax_id}.",
            "We are registered for VAT as {tax_id}.",
        ),
    ),
    (
        ("vendor",),
        (
            "The seller is {vendor}.",
            "Sold by {vendor}.",
            "You bought from {vendor}.",
        ),
    ),
)
