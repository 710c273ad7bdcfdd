"""Texts of many kinds with their exact number of tokens, the measure of estimates.

`make test ARGS="-k exact_count"` counts them anew where the vocabularies are installed.
"""
# ruff: noqa: RUF001 - prose in many scripts has letters that look like others

from __future__ import annotations

from typing import Final, NamedTuple


class Sample(NamedTuple):
    qwen3: int
    """Tokens of Qwen2's to Qwen3's vocabulary."""
    qwen35: int
    """Tokens of Qwen3.5's and Qwen3.6's."""
    text: str


SAMPLES: Final = {
    "english": Sample(
        102,
        102,
        "The ferry left at dawn, while the fog was still lying on the water, and nobody on deck said a "
        "word until the lighthouse came into view. Margaret had promised herself that she would not "
        "look back; she looked back anyway, twice, and then went below to find the others. There was "
        "coffee, of a kind, and a stale loaf somebody had bought in town the evening before. “We’ll be "
        "there by noon,” the captain told them, “if the engine holds.” It didn’t.",
    ),
    "chinese": Sample(
        100,
        92,
        "清晨的雾还没有散去，渡船就已经离开了码头。甲板上没有人说话，直到远处的灯塔慢慢露出轮廓。她答应过自己不再回头，可是还是回头看了两次，然后走下船舱去找其他人。船舱里有热咖啡，还有昨天晚上在镇上"
        "买的面包。船长告诉大家，如果发动机不出问题，中午之前就能到达对岸。结果，发动机在十点钟的时候停了下来，大家只好在海上等了三个小时。",
    ),
    "traditional": Sample(
        82,
        69,
        "清晨的霧還沒有散去，渡船就已經離開了碼頭。甲板上沒有人說話，直到遠處的燈塔慢慢露出輪廓。她答應過自己不再回頭，可是還是回頭看了兩次，然後走下船艙去找其他人。船長告訴大家，如果發動機不出問題，"
        "中午之前就能到達對岸。",
    ),
    "japanese": Sample(
        112,
        91,
        "夜明けとともにフェリーは港を離れたが、海の上にはまだ霧が残っていた。灯台が見えてくるまで、甲板では誰も口をきかなかった。彼女は振り返らないと決めていたのに、結局二度も振り返ってしまい、それか"
        "ら仲間を探しに船室へ下りていった。コーヒーと、前の晩に町で買ったパンがあった。エンジンがもてば昼までには着く、と船長は言った。",
    ),
    "korean": Sample(
        110,
        77,
        "새벽에 배가 항구를 떠났을 때 바다 위에는 아직 안개가 끼어 있었다. 등대가 "
        "보일 때까지 갑판에서는 아무도 말을 하지 않았다. 그녀는 뒤돌아보지 않겠다고 다짐했지만 결국 "
        "두 번이나 뒤돌아보고 나서 다른 사람들을 찾으러 아래로 내려갔다. 커피와 어제 저녁 시내에서 산 빵이 있었다.",
    ),
    "russian": Sample(
        121,
        93,
        "Паром отошёл на рассвете, когда над водой ещё лежал туман, и на палубе никто не проронил ни "
        "слова, пока вдали не показался маяк. Она обещала себе не оглядываться, но всё-таки оглянулась "
        "дважды, а потом спустилась вниз искать остальных. Там был кофе и вчерашний хлеб, который "
        "кто-то купил в городе накануне вечером.",
    ),
    "arabic": Sample(
        101,
        82,
        "غادرت العبارة الميناء عند الفجر بينما كان الضباب لا يزال يغطي سطح الماء، ولم يتكلم أحد على ظهر "
        "السفينة حتى ظهرت المنارة من بعيد. كانت قد وعدت نفسها بألا تنظر إلى الوراء، لكنها نظرت مرتين، "
        "ثم نزلت تبحث عن الآخرين. كان هناك قهوة وخبز اشتراه أحدهم من المدينة مساء أمس.",
    ),
    "hebrew": Sample(
        71,
        83,
        "המעבורת יצאה עם שחר, כשהערפל עוד כיסה את המים, ואיש על הסיפון לא אמר מילה עד שהמגדלור נראה "
        "באופק. היא הבטיחה לעצמה לא להביט לאחור, ובכל זאת הביטה פעמיים, ואז ירדה לחפש את האחרים.",
    ),
    "greek": Sample(
        172,
        81,
        "Το πλοίο έφυγε την αυγή, ενώ η ομίχλη σκέπαζε ακόμη τη θάλασσα, και κανείς στο κατάστρωμα δεν "
        "μίλησε μέχρι που φάνηκε ο φάρος. Είχε υποσχεθεί στον εαυτό της να μην κοιτάξει πίσω, αλλά "
        "κοίταξε δύο φορές.",
    ),
    "hindi": Sample(
        196,
        78,
        "नाव भोर में निकली, जब पानी पर अभी भी कोहरा छाया हुआ था, और जब तक प्रकाश स्तंभ दिखाई नहीं दिया, "
        "तब तक किसी ने एक शब्द नहीं कहा। उसने अपने आप से वादा किया था कि वह पीछे मुड़कर नहीं देखेगी, "
        "लेकिन उसने दो बार देखा।",
    ),
    "thai": Sample(
        114,
        58,
        "เรือข้ามฟากออกจากท่าตั้งแต่เช้ามืด ขณะที่หมอกยังปกคลุมผิวน้ำ "
        "และไม่มีใครบนดาดฟ้าพูดอะไรเลยจนกระทั่งมองเห็นประภาคาร เธอสัญญากับตัวเองว่าจะไม่หันกลับไปมอง "
        "แต่ก็หันกลับไปสองครั้ง แล้วจึงลงไปหาคนอื่นข้างล่าง",
    ),
    "german": Sample(
        105,
        93,
        "Die Fähre legte im Morgengrauen ab, als der Nebel noch über dem Wasser lag, und niemand an "
        "Deck sagte ein Wort, bis der Leuchtturm in Sicht kam. Sie hatte sich vorgenommen, nicht "
        "zurückzublicken; sie tat es trotzdem, zweimal, und ging dann hinunter, um die anderen zu "
        "suchen. Es gab eine Art Kaffee und ein altes Brot, das jemand am Vorabend in der Stadt gekauft "
        "hatte.",
    ),
    "dutch": Sample(
        107,
        94,
        "De veerboot vertrok bij zonsopgang, toen de mist nog over het water lag, en niemand aan dek "
        "sprak een woord tot de vuurtoren in zicht kwam. Ze had zich voorgenomen om niet achterom te "
        "kijken; ze keek toch, twee keer, en ging daarna naar beneden om de anderen te zoeken. Er was "
        "een soort koffie en een oud brood dat iemand de avond tevoren in de stad had gekocht.",
    ),
    "indonesian": Sample(
        94,
        66,
        "Kapal feri berangkat saat fajar, ketika kabut masih menutupi permukaan air, dan tidak seorang "
        "pun di geladak yang berbicara sampai mercusuar terlihat. Dia sudah berjanji pada dirinya "
        "sendiri untuk tidak menoleh ke belakang; namun dia tetap menoleh dua kali, lalu turun untuk "
        "mencari teman-temannya yang lain.",
    ),
    "legal": Sample(
        56,
        56,
        "Notwithstanding the foregoing, the charterer acknowledges that meteorological circumstances, "
        "navigational restrictions and administrative requirements may necessitate modifications to "
        "previously published timetables. Compensation for consequential losses, including "
        "accommodation, transportation and reasonable telecommunications expenditure, remains "
        "conditional upon documentary evidence submitted within fourteen calendar days.",
    ),
    "french": Sample(
        97,
        88,
        "Le bac partit à l’aube, alors que la brume couvrait encore l’eau, et personne sur le pont ne "
        "dit un mot avant que le phare n’apparaisse. Elle s’était promis de ne pas se retourner ; elle "
        "se retourna pourtant, deux fois, puis descendit chercher les autres. Il y avait une sorte de "
        "café et un pain rassis que quelqu’un avait acheté la veille.",
    ),
    "spanish": Sample(
        94,
        84,
        "El transbordador zarpó al amanecer, cuando la niebla todavía cubría el agua, y nadie en "
        "cubierta dijo una palabra hasta que apareció el faro. Se había prometido no mirar atrás; miró "
        "de todos modos, dos veces, y luego bajó a buscar a los demás. Había una especie de café y un "
        "pan duro que alguien había comprado en el pueblo la noche anterior.",
    ),
    "vietnamese": Sample(
        66,
        60,
        "Chiếc phà rời bến lúc bình minh, khi sương mù vẫn còn phủ trên mặt nước, và không ai trên "
        "boong nói một lời nào cho đến khi ngọn hải đăng hiện ra. Cô đã tự hứa là sẽ không ngoảnh lại, "
        "nhưng rồi cô vẫn ngoảnh lại hai lần.",
    ),
    "turkish": Sample(
        75,
        67,
        "Feribot, sis hâlâ suyun üzerindeyken şafakta kalktı ve deniz feneri görünene kadar güvertede "
        "kimse tek kelime etmedi. Kendine geriye bakmayacağına söz vermişti; yine de iki kez baktı ve "
        "sonra diğerlerini bulmak için aşağı indi.",
    ),
    "polish": Sample(
        94,
        85,
        "Prom odpłynął o świcie, kiedy nad wodą leżała jeszcze mgła, i nikt na pokładzie nie odezwał "
        "się ani słowem, dopóki nie pojawiła się latarnia morska. Obiecała sobie, że się nie obejrzy, a "
        "jednak obejrzała się dwa razy, po czym zeszła na dół szukać pozostałych.",
    ),
    "python": Sample(
        148,
        158,
        "from collections.abc import Iterator\n"
        "\n"
        "\n"
        "class Ferry:\n"
        '    """A boat that crosses a bay."""\n'
        "\n"
        "    def __init__(self, name: str, *, seats: int = 120) -> None:\n"
        "        self.name = name\n"
        "        self._passengers: list[str] = []\n"
        "        self.seats = seats\n"
        "\n"
        "    def board(self, passenger: str) -> bool:\n"
        "        if len(self._passengers) >= self.seats:\n"
        '            raise ValueError(f"{self.name} is full: {self.seats} seats")\n'
        "        self._passengers.append(passenger)\n"
        "        return True\n"
        "\n"
        "    def __iter__(self) -> Iterator[str]:\n"
        "        yield from sorted(self._passengers, key=str.casefold)\n",
    ),
    "javascript": Sample(
        116,
        126,
        "export async function loadTimetable(url, { signal, retries = 3 } = {}) {\n"
        "  for (let attempt = 0; attempt <= retries; attempt++) {\n"
        "    const response = await fetch(url, { signal, headers: { Accept: 'application/json' } });\n"
        "    if (response.ok) return (await response.json()).departures.map((d) => ({ ...d, at: new "
        "Date(d.at) }));\n"
        "    if (response.status < 500) throw new Error(`Timetable: ${response.status}`);\n"
        "  }\n"
        "  return [];\n"
        "}\n",
    ),
    "sql": Sample(
        87,
        89,
        "SELECT f.name, COUNT(t.id) AS trips, SUM(t.passengers) AS carried\n"
        "FROM ferries f\n"
        "LEFT JOIN trips t ON t.ferry_id = f.id AND t.departed_at >= '2026-01-01'\n"
        "WHERE f.retired IS FALSE\n"
        "GROUP BY f.name\n"
        "HAVING COUNT(t.id) > 10\n"
        "ORDER BY carried DESC\n"
        "LIMIT 20;\n",
    ),
    "json": Sample(
        173,
        171,
        '{"ferry": {"id": 4711, "name": "Northern Light", "seats": 120, "retired": false}, "trips": '
        '[{"departed_at": "2026-03-14T06:05:00Z", "passengers": 87, "delay_minutes": 0, "weather": '
        '{"fog": true, "wind_knots": 6.5}}, {"departed_at": "2026-03-14T13:20:00Z", "passengers": 112, '
        '"delay_minutes": 185, "weather": {"fog": false, "wind_knots": 11.0}}], "next": null}',
    ),
    "pretty_json": Sample(
        85,
        96,
        "{\n"
        '  "name": "find_trips",\n'
        '  "description": "Lists the trips of one ferry on one day.",\n'
        '  "parameters": {\n'
        '    "type": "object",\n'
        '    "properties": {\n'
        '      "ferry": {"type": "string"},\n'
        '      "day": {"type": "string", "format": "date"}\n'
        "    },\n"
        '    "required": ["ferry", "day"]\n'
        "  }\n"
        "}",
    ),
    "html": Sample(
        115,
        126,
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        '  <head><meta charset="utf-8"><title>Ferries</title></head>\n'
        '  <body class="page">\n'
        "    <h1>Departures</h1>\n"
        '    <ul id="list">\n'
        '      <li><a href="/trips/1">06:05</a> Northern Light</li>\n'
        '      <li><a href="/trips/2">13:20</a> Northern Light</li>\n'
        "    </ul>\n"
        "  </body>\n"
        "</html>\n",
    ),
    "markdown": Sample(
        109,
        116,
        "# Ferries\n"
        "\n"
        "The timetable is **provisional**.\n"
        "\n"
        "| day | boat | departs |\n"
        "| --- | --- | --- |\n"
        "| Mon | Northern Light | 06:05 |\n"
        "| Tue | Morning Star | 07:30 |\n"
        "\n"
        "- Tickets are sold on board.\n"
        "- Bicycles travel free; see [the rules](https://example.org/rules#bicycles).\n"
        "\n"
        "```sh\n"
        "curl -s https://example.org/api/trips?day=mon | jq '.trips[]'\n"
        "```\n",
    ),
    "numbers": Sample(
        220,
        220,
        "3.14159265358979 2.71828182845905 1.41421356237310\n"
        "1024 2048 4096 8192 16384 32768 65536\n"
        "2026-03-14 06:05:00, 2026-03-14 13:20:00\n"
        "+49 30 1234567, 192.168.17.254, 50.0614°N 19.9372°E\n"
        "12,345,678.90 EUR; -273.15; 6.02214076e23\n",
    ),
    "log": Sample(
        151,
        152,
        '2026-03-14T06:05:02.113Z INFO  [dispatcher] trip=8123 boat="Northern Light" state=departed '
        "passengers=87\n"
        "2026-03-14T09:58:41.007Z WARN  [engine] trip=8123 rpm=0 temp=104.6C code=E-1187\n"
        "2026-03-14T10:00:00.500Z ERROR [dispatcher] trip=8123 Traceback: TimeoutError('no answer after "
        "30s')\n",
    ),
    "emoji": Sample(
        55,
        65,
        "Back on land! 🎉🎉 What a day 😅 fog 🌫️, a dead engine 🛠️, three hours of waiting ⏳ … and then "
        "dolphins 🐬🐬🐬 ❤️ See you tomorrow 👋🏽 🇬🇷",
    ),
    "spaces": Sample(
        45,
        46,
        "departure          boat                 seats\n"
        "---------          ----                 -----\n"
        "06:05              Northern Light         120\n"
        "13:20              Morning Star            80\n"
        "\n"
        "\n"
        "\n"
        "        (subject to change)        \n",
    ),
}
