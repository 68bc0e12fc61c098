"""Texts for the tokenizer's golden file, by kind. "unicode" kinds depend on the regex engine's character tables."""
TEXTS = {
    "plain": [
        "", "a", "Hello", "hello world", "Hello, world!", "Does money buy happiness ?", "Does money buy happiness?",
        "Depends how much money you spend on it .", "The quick brown fox jumps over the lazy dog.",
        "OK. So... what now?!", "Germany , I believe .", "(parentheses) [brackets] {braces} <angles>",
        "e-mail me at someone@example.org", "https://example.org/path?q=1&r=%20#frag", "C:\\Users\\me\\file.txt",
        "snake_case camelCase SCREAMING_CASE kebab-case", "\"quoted\" 'single' `back`", "a/b\\c|d~e^f",
        "$100 & 50% * #1 @me", "SolidGoldMagikarp TheNitromeFan",
    ],
    "contraction": [
        "I'm you're he's she'll we've they'd don't", "I'M YOU'RE HE'S DON'T", "it's 'tis 'twas rock'n'roll", "'s",
        "'S", "'re's'll", "y'all'd've", "I\u2019m don\u2019t it\u2019s", "dogs' toys", "'''", "x'sx 'tx",
        " 's 't 'm", "can' t",
    ],
    "space": [
        " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n\n", " a", "  a", "   a", "a ", "a  ", "a   b", "a    b  c ",
        "\ta", "a\tb", "a \t b", "line one\nline two", "line one\n\nline two\n", "windows\r\nline\r\n", " \n ",
        "\n a", "a\n", "trailing   \n   leading", "tab\t\ttab \t\t x", "    indented(code):\n        return 1\n",
        "\x0b\x0c", "a\x0bb\x0cc", "! !  !",
    ],
    "number": [
        "0", "42", "3.14159", "1,000,000", "2024-11-22", "12345678901234567890", "1st 2nd 3rd", "x1y2z3", "007",
        "-5 +5", "50256", "10:30pm", "\u0661\u0662\u0663", "\u00bd \u00b2 \u2163 \u2460", "\uff11\uff12\uff13",
    ],
    "special": [
        "<|endoftext|>", "hi<|endoftext|>", "<|endoftext|>hi", "hi <|endoftext|> there",
        "a<|endoftext|>b<|endoftext|><|endoftext|>c", "  <|endoftext|>  ", "\n<|endoftext|>\n", "<|endoftext|",
        "<| endoftext |>", "<|ENDOFTEXT|>", "<|endoftext|>|>", "endoftext", "<<|endoftext|>>",
    ],
    "emoji": [
        "\U0001f600", "lol \U0001f602\U0001f602",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
        "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "\U0001f44d\U0001f3fd ok", "\u2764\ufe0f \u2764",
        "\U0001f3f3\ufe0f\u200d\U0001f308", "1\ufe0f\u20e3", "\u263a :) ;-) :'(", "\U0001f937\u200d\u2640\ufe0f",
    ],
    "script": [
        "Gr\u00fc\u00dfe aus M\u00fcnchen", "na\u00efve caf\u00e9 d\u00e9j\u00e0-vu", "cafe\u0301 nai\u0308ve",
        "\u00bfQu\u00e9 tal? \u00a1Bien!", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
        "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5",
        "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u3053\u3093\u306b\u3061\u306f \u4e16\u754c",
        "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4",
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
        "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
        "Z\u0351\u036b\u0343a\u0300\u0301\u0302lgo", "\U0001d54f\U0001d550 math", "\U00010348 gothic",
        "\U00020000 rare han", "\ufb01ne \u01c5 \u02b0 \u00aa", "\u202eright to left\u202c",
        "\u20ac5 \u00a33 \u00a5100 \u2014 \u2026 \u201cquotes\u201d",
    ],
    "control": [
        "\x00", "a\x00b", "\x01\x02\x03", "\x07bell", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x9f", "\ufffd",
        "\ufffe\uffff", "\U0010ffff", "\ue000 private",
    ],
    "long": [
        "a" * 300, "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft",
        "ha" * 60 + "!" * 40, "=" * 50, " " * 70 + "x", "-" * 17 + " " + "_" * 17, "abc123" * 20,
        "\u4e16\u754c" * 25,
    ],
    # White space that is not ASCII, and what only looks like it: \s differs between regex engines.
    "unicode_space": [
        "a\u00a0b", "a\u00a0\u00a0 b", "a\u3000b \u3000c", "a\u2003\u2009b", "a\u2028b\u2029c", "a\x85b",
        "a\x85 \x85b", "a\u200bb", "\ufeffbom", "a\u180eb", "a\u202fb", "a\x1cb \x1d\x1ec", "a\x1f b", "a \u00a0",
        "\u00a0 a", "a\u00ad\u2060b",
    ],
    # Letters and digits newer than Unicode 13: a Java runtime may not know them (15.0 in Java 20, 16.0 in 24).
    "unicode_new": [
        "x\u0870y", "x\U0001df25y", "x\U00011f04y \U00011f50", "x\U0002ebf0y", "x\U0001e4d0y",
        "x\U00010d4ay \U00010d40", "x\U0001c888y\ua7cb",
    ],
}
