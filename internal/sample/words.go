package sample

import "strings"

// name is a first or last name as people write it, and as an e-mail address spells it.
type name struct{ real, ascii string }

func firstNames() []name {
	return []name{
		{"Anna", "anna"},
		{"James", "james"},
		{"Zoë", "zoe"},
		{"José", "jose"},
		{"Łukasz", "lukasz"},
		{"Åsa", "asa"},
		{"Søren", "soren"},
		{"Jürgen", "juergen"},
		{"François", "francois"},
		{"Chloé", "chloe"},
		{"Siobhán", "siobhan"},
		{"Ngọc", "ngoc"},
		{"İbrahim", "ibrahim"},
		{"Ayşe", "ayse"},
		{"Ольга", "olga"},
		{"Дмитрий", "dmitri"},
		{"Γιώργος", "giorgos"},
		{"Ελένη", "eleni"},
		{"محمد", "mohammed"},
		{"فاطمة", "fatima"},
		{"דוד", "david"},
		{"שרה", "sarah"},
		{"伟", "wei"},
		{"秀英", "xiuying"},
		{"陽子", "yoko"},
		{"さくら", "sakura"},
		{"민준", "minjun"},
		{"서연", "seoyeon"},
		{"अर्जुन", "arjun"},
		{"प्रिया", "priya"},
		{"สมชาย", "somchai"},
		{"ნინო", "nino"},
		{"Mary Ann", "maryann"},
		{"Jean-Luc", "jeanluc"},
		{"D'Angelo", "dangelo"},
		{"Oluwaseun", "oluwaseun"},
		{"Xóchitl", "xochitl"},
		{"Þórdís", "thordis"},
		{"Grace", "grace"},
		{"Noah", "noah"},
	}
}

func lastNames() []name {
	return []name{
		{"Smith", "smith"},
		{"O'Brien", "obrien"},
		{"García Márquez", "garciamarquez"},
		{"Müller", "mueller"},
		{"van der Berg", "vanderberg"},
		{"Nguyễn", "nguyen"},
		{"Kowalczyk", "kowalczyk"},
		{"Ångström", "angstrom"},
		{"Ægisdóttir", "aegisdottir"},
		{"Lefèvre", "lefevre"},
		{"Yılmaz", "yilmaz"},
		{"Иванова", "ivanova"},
		{"Παπαδόπουλος", "papadopoulos"},
		{"الخطيب", "alkhatib"},
		{"כהן", "cohen"},
		{"王", "wang"},
		{"李", "li"},
		{"佐藤", "sato"},
		{"高橋", "takahashi"},
		{"김", "kim"},
		{"शर्मा", "sharma"},
		{"ศรีสุข", "srisuk"},
		{"Okonkwo", "okonkwo"},
		{"Silva e Souza", "silvaesouza"},
		{"Null", "null"},
		{"True", "true"},
		{"Mc Donald", "mcdonald"},
		{"Strauß", "strauss"},
		{"Dvořák", "dvorak"},
		{"Șerban", "serban"},
		{"Johnson, Jr.", "johnson"},
		{"Ó Súilleabháin", "osuilleabhain"},
		{"Björk", "bjork"},
		{"de la Cruz", "delacruz"},
		{"Brown", "brown"},
		{"Tremblay", "tremblay"},
	}
}

// place is a city with what goes around it in an address.
type place struct{ street, code, city, country, phone string }

func places() []place {
	return []place{
		{"Königsallee", "40212", "Düsseldorf", "DE", "+49 211 5550"},
		{"Rue de la Paix", "75002", "Paris", "FR", "+33 1 4268 5"},
		{"Hatton Garden", "EC1N 8LE", "London", "GB", "+44 20 7946 0"},
		{"West 47th Street", "10036", "New York", "US", "+1 212 555 01"},
		{"Calle de Serrano", "28001", "Madrid", "ES", "+34 91 555 0"},
		{"Vicenza, Contrà Porti", "36100", "Vicenza", "IT", "+39 0444 555"},
		{"Hoveniersstraat", "2018", "Antwerpen", "BE", "+32 3 555 0"},
		{"ul. Piotrkowska", "90-001", "Łódź", "PL", "+48 42 555 0"},
		{"Невский проспект", "191025", "Санкт-Петербург", "RU", "+7 812 555 0"},
		{"銀座", "104-0061", "東京都中央区", "JP", "+81 3 5550 0"},
		{"南京东路", "200001", "上海市", "CN", "+86 21 5550 0"},
		{"سوق الذهب", "00000", "دبي", "AE", "+971 4 555 0"},
		{"רחוב ז׳בוטינסקי", "5252007", "רמת גן", "IL", "+972 3 555 0"},
		{"Zaveri Bazaar", "400002", "मुंबई", "IN", "+91 22 5550 0"},
		{"종로", "03155", "서울", "KR", "+82 2 555 0"},
		{"Pitt Street", "2000", "Sydney", "AU", "+61 2 5550 0"},
		{"Østergade", "1100", "København K", "DK", "+45 55 50 0"},
		{"Laugavegur", "101", "Reykjavík", "IS", "+354 555 0"},
		{"Kapalıçarşı", "34126", "İstanbul", "TR", "+90 212 555 0"},
		{"Rua Augusta", "01304-001", "São Paulo", "BR", "+55 11 5550 0"},
	}
}

// edges are texts that have broken somebody's import, export or web page.
func edges() []string {
	return []string{
		"Zoë 💍👩‍👩‍👧 & Söhne",
		"مجوهرات النور (since 1952)",
		"יהלום וזהב בע״מ",
		`She said "forever", twice`,
		"first line\nsecond line\r\nthird,\twith a tab",
		`back\slash \N \. \\server\share 100 %`,
		"'; DROP TABLE sales; --",
		"=SUM(A1:A9)",
		"+49 as text, @handle, -5",
		"  kept blanks  ",
		"NULL",
		"e\u0301 is not é, nor is zero\u200bwidth nothing",
		"00012345",
		"<b>bold</b> & <script>alert(1)</script>",
		"𝒥𝑒𝓌𝑒𝓁 𐍈 ﷽",
		"",
		"end of data?\n\\.\nnot yet",
		strings.Repeat("Länge ", 40),
		"{\"looks\": \"like json\"}",
		"semi;colon | pipe ~ tilde ^ caret",
	}
}

func companyAdjectives() []string {
	return []string{
		"Acme", "Nordic", "Alpine", "Blue Harbour", "Golden", "Atlas", "Kōyō", "Élan", "Größe", "Sol y Mar", "Нева", "明光",
		"Baltic", "Silver Fern", "Old Town", "Zephyr", "Ñandú", "Œuvre", "Ćelić", "Amber",
	}
}

func companyNouns() []name {
	return []name{
		{"Logistics", "logistics"},
		{"Werke GmbH", "werke"},
		{"& Fils SARL", "fils"},
		{"Trading Co.", "trading"},
		{"Software, Inc.", "software"},
		{"Holdings Ltd", "holdings"},
		{"株式会社", "kk"},
		{"S.p.A.", "spa"},
		{"AB", "ab"},
		{"Foods", "foods"},
		{"Design Studio", "design"},
		{"Medical", "medical"},
		{"Energía", "energia"},
		{"Bros.", "bros"},
		{"Partners LLP", "partners"},
		{"Textiles", "textiles"},
	}
}

func industries() []string {
	return []string{"Retail", "Manufacturing", "Software", "Logistics", "Food & Drink", "Health", "Finance", "Education", "Énergie", "建設"}
}

func jobTitles() []string {
	return []string{
		"CEO", "Buyer", "Head of Purchasing", "Geschäftsführerin", "Directeur général", "営業部長", "VP, Sales (EMEA)", "Assistant",
		"Developer", "Office \"Hero\"", "CFO", "Store Manager",
	}
}

func currencies() []string { return []string{"EUR", "USD", "GBP", "JPY", "CHF", "AUD"} }

func metals() []name {
	return []name{
		{"yellow gold", "750"}, {"white gold", "585"}, {"rose gold", "18K"}, {"platinum", "950"}, {"silver", "925"}, {"palladium", "500"},
	}
}

func categories() []string {
	return []string{"ring", "necklace", "earrings", "bracelet", "brooch", "watch", "loose stone", "cufflinks"}
}

func stoneKinds() []string {
	return []string{"diamond", "sapphire", "ruby", "emerald", "opal", "pearl", "tanzanite"}
}

func sentences() []string {
	return []string{
		"Called back, will decide after the holidays.",
		"Asked for a quote in euros; ships to Łódź.",
		"Prefers e-mail. Do not phone before 10:00.",
		"Wants the same ring as her sister's, half a size larger.",
		"Besprochen: Lieferung in KW 32, Rest später.",
		"Demande un échantillon avant la fin du mois.",
		"来週もう一度連絡する。",
		"Хочет скидку 5 % при заказе от 10 штук.",
		"Needs the certificate, two copies, stamped.",
		"العميل يفضل التواصل عبر الهاتف.",
		"Budget approved 👍 — contract to be signed on Friday.",
		"Stone is loose; re-tip four claws and polish.",
	}
}
