//! What people and companies are called.

/// First names, of many alphabets.
pub(super) const FIRST: [&str; 40] = [
    "Jane",
    "John",
    "Maria",
    "Ahmed",
    "Wei",
    "Olga",
    "Carlos",
    "Aisha",
    "Liam",
    "Emma",
    "Noah",
    "Olivia",
    "Mateo",
    "Sofía",
    "Lucas",
    "Zoë",
    "Jürgen",
    "Søren",
    "Łukasz",
    "Chloé",
    "Ana María",
    "Jean-Luc",
    "Nguyễn",
    "Αλέξανδρος",
    "Дмитрий",
    "太郎",
    "지훈",
    "محمد",
    "Priya",
    "Kwame",
    "Fatima",
    "Hiroshi",
    "Ingrid",
    "Tomás",
    "Grace",
    "Henry",
    "Ruth",
    "Samuel",
    "Nora",
    "Victor",
];

/// Last names, likewise.
pub(super) const LAST: [&str; 40] = [
    "Smith",
    "Johnson",
    "García",
    "O'Brien",
    "Müller",
    "Nakamura",
    "Kowalski",
    "van der Berg",
    "Rossi",
    "Silva",
    "Dubois",
    "Ivanova",
    "Öztürk",
    "Nguyen",
    "Cohen",
    "Ali",
    "Brown",
    "Davis",
    "Miller",
    "Wilson",
    "Moore",
    "Taylor",
    "Anderson",
    "Thomas",
    "Jackson",
    "White",
    "Harris",
    "Martin",
    "Thompson",
    "Clark",
    "Lewis",
    "Lee",
    "Walker",
    "Hall",
    "Allen",
    "Young",
    "King",
    "Wright",
    "Scott",
    "McDonald-Reyes",
];

/// City, state, the start of its postal codes, telephone area.
pub(super) const CITIES: [(&str, &str, &str, &str); 20] = [
    ("Boston", "MA", "021", "617"),
    ("New York", "NY", "100", "212"),
    ("Newark", "NJ", "071", "973"),
    ("Hartford", "CT", "061", "860"),
    ("Philadelphia", "PA", "191", "215"),
    ("Miami", "FL", "331", "305"),
    ("Atlanta", "GA", "303", "404"),
    ("Chicago", "IL", "606", "312"),
    ("Houston", "TX", "770", "713"),
    ("Austin", "TX", "787", "512"),
    ("Denver", "CO", "802", "303"),
    ("Phoenix", "AZ", "850", "602"),
    ("Los Angeles", "CA", "900", "213"),
    ("San José", "CA", "951", "408"),
    ("Portland", "OR", "972", "503"),
    ("Seattle", "WA", "981", "206"),
    ("Minneapolis", "MN", "554", "612"),
    ("St. Louis", "MO", "631", "314"),
    ("Burlington", "VT", "054", "802"),
    ("Honolulu", "HI", "968", "808"),
];

/// Streets.
pub(super) const STREETS: [&str; 12] = [
    "Main St",
    "Oak Ave",
    "Maple Dr",
    "2nd St",
    "Washington Blvd",
    "Lake Rd",
    "Park Ave, Apt 4",
    "Elm St",
    "Pine Ct",
    "Hill Rd",
    "Sunset Blvd",
    "Rue de l'Église",
];

/// Where mail goes.
pub(super) const MAIL: [&str; 6] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.org",
    "bücher.example",
];

/// What one does.
pub(super) const JOBS: [(&str, &str, &str); 16] = [
    ("Chief Executive Officer", "c_suite", "Executive"),
    ("Founder", "founder", "Executive"),
    ("Owner", "owner", "Executive"),
    ("Managing Partner", "partner", "Legal"),
    ("VP of Sales", "vp", "Sales"),
    ("VP, Engineering", "vp", "Engineering"),
    ("Director of Marketing", "director", "Marketing"),
    ("Head of Finance", "head", "Finance"),
    ("Sales Manager", "manager", "Sales"),
    ("Senior Software Engineer", "senior", "Engineering"),
    ("Account Executive", "mid-level", "Sales"),
    ("Data Analyst", "mid-level", "Engineering"),
    ("Office Assistant", "entry", "Operations"),
    ("HR Generalist", "mid-level", "Human Resources"),
    ("Marketing Intern", "intern", "Marketing"),
    ("Customer Success Lead", "senior", "Support"),
];

/// What departments do.
pub(super) const FUNCTIONS: [&str; 8] = [
    "Accounting",
    "Business Development",
    "Customer Support",
    "Recruiting",
    "Software Development",
    "Field Sales",
    "Brand",
    "Logistics",
];

/// Industries.
pub(super) const INDUSTRIES: [&str; 10] = [
    "Insurance",
    "Solar & Renewables",
    "Construction",
    "Computer Software",
    "Hospital & Health Care",
    "Retail",
    "Real Estate",
    "Banking",
    "Education Management",
    "Oil, Gas and Mining",
];

/// What one can do.
pub(super) const SKILLS: [&str; 12] = [
    "Rust",
    "SQL",
    "Negotiation",
    "Excel",
    "C++",
    "Machine Learning",
    "Copywriting",
    "Salesforce",
    "Accounting",
    "Public Speaking",
    "Project Management",
    "Photography",
];

/// Tongues.
pub(super) const LANGUAGES: [&str; 8] = [
    "English",
    "Spanish",
    "French",
    "German",
    "中文",
    "العربية",
    "Português",
    "Hindi",
];

/// First words of companies' names.
pub(super) const COMPANIES: [&str; 20] = [
    "Acme",
    "Globex",
    "Initech",
    "Umbra",
    "Northwind",
    "Contoso",
    "Blue River",
    "Stark & Sons",
    "Hooli",
    "Vandelay",
    "Wayne",
    "Müller & Söhne",
    "Café Olé",
    "東京電子",
    "Green Roof",
    "First National",
    "O'Neil",
    "Pied Piper",
    "Smith, Jones",
    "The \"Best\"",
];

/// Last words of companies' names, and what kind of company that makes.
pub(super) const FORMS: [(&str, &str); 6] = [
    ("Inc.", "PUBLIC_COMPANY"),
    ("LLC", "PRIVATELY_HELD"),
    ("GmbH", "PRIVATELY_HELD"),
    ("Partners", "PARTNERSHIP"),
    ("Foundation", "NON_PROFIT"),
    ("School", "EDUCATIONAL"),
];

/// How many work there.
pub(super) const HEADCOUNTS: [&str; 8] = [
    "1-10",
    "11-50",
    "51-200",
    "201-500",
    "501-1,000",
    "1,001-5,000",
    "5,001-10,000",
    "10,001+",
];

/// What they earn.
pub(super) const REVENUES: [&str; 6] = [
    "$0 - $1M",
    "$1M - $10M",
    "$10M - $50M",
    "$50M - $100M",
    "$100M - $1B",
    "$1B+",
];

/// Schools.
pub(super) const SCHOOLS: [&str; 6] = [
    "MIT",
    "State University",
    "Universität Wien",
    "Sorbonne",
    "Community College",
    "东京大学",
];

/// Degrees and what they are in.
pub(super) const DEGREES: [(&str, &str); 5] = [
    ("Bachelor of Science", "Computer Science"),
    ("Bachelor of Arts", "History"),
    ("Master of Business Administration", "Finance"),
    ("PhD", "Physics"),
    ("Associate Degree", "Nursing"),
];

/// Words of free text.
pub(super) const WORDS: [&str; 16] = [
    "call", "back", "later", "roof", "quote", "needs", "two", "offers", "before", "Friday",
    "owner", "moved", "asked", "about", "price", "again",
];

/// Values of an attribute that is named like nothing known.
pub(super) const VALUES: [&str; 6] = ["Yes", "No", "Maybe", "A", "B", "C"];

/// Campaigns.
pub(super) const CAMPAIGNS: [&str; 6] = [
    "spring-2024",
    "Summer Sale",
    "Radio",
    "Referral",
    "Facebook",
    "TV, local",
];
