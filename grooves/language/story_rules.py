"""The rules and the words of *Stories*, in the notation of `grooves.language.grammar`.

Key idea: everything that may vary is a choice with a weight, and everything that must agree
later is remembered: h the hero, k the hero's kind, w and m the look and kind of the home,
r the relative who lives there, f the friend, o the thing the story is about, p the place.
The home and the relative are named in the first two sentences and recalled in the last ones.
Chapters: all, through `grooves.language.stories`.
"""
# ruff: noqa: E501  (one alternative a line, however long)

_TEXT = """
Story
  1  [Opening] [Plot]

Opening
  3  Once upon a time there was {?a=Temper} {a.a} {a} {k=Animal} named {h=Name} . [Home]
  2  There once was {?a=Temper} {a.a} {a} {k=Animal} called {h=Name} . [Home]
  1  {h=Name} was {?a=Temper} {a.a} {a} {k=Animal} . [Home]
Home
  2  {h.he^} lived in {?w=Look} {w.a} {w} {m=Home} with {h.his} {r=Relative} .
  1  {h.his^} home was {?w=Look} {w.a} {w} {m=Home} , and {h.his} {r=Relative} lived there too .
When
  2  One {d=Weather} {t=Time} ,
  1  One {t=Time} ,
  1  On {?d=Weather} {d.a} {d} {t=Time} ,
Meet
  2  {?g=Animal} {g.a^} {g} named {f=Friend} came by .
  1  Then {h.he} met {f=Friend} the {g=Animal} .
Joy
  1  {h} was {Glad} .

Plot
  1  #lost [Lost]
  1  #hungry [Hungry]
  1  #learn [Learn]
  1  #build [Build]
  1  #gift [Gift]
  1  #storm [Storm]

Lost
  1  {h} had {?c=Colour} {c.a} {c} {o=Toy} . [When] {h.he} lost it near the {p=Place} . [Meet] [AskHelp] They looked {s=Spot} , but the {o} was not there . [LostEnd]
AskHelp
  1  " Can you help me find my {o} ? " asked {h} .
  1  " My {c} {o} is gone , {f} , " said {h} .
LostEnd
  1  #happy Then {f} found it {z=Spot-s} ! [Joy] {h.he^} carried the {c} {o} back to the {m} and showed it to {h.his} {r} .
  1  #sad It got dark , and they never found it . {h} left the {p} and went back to the {w} {m} . {h.his^} {r} {Cry} .

Hungry
  1  [When] there was no food in the {m} , so {h} walked to the {p=Place} . [Meet] {f} had {?o=Food} {o.a} {o} . [AskFood] [HungryEnd]
AskFood
  1  " Can I have some of your {o} ? " asked {h} .
  1  " Will you share your {o} , {f} ? " asked {h} .
HungryEnd
  1  #happy " Of course , " said {f} . They sat down {s=Spot} and ate the {o} . [Joy] {h.he^} took a piece home to the {m} for {h.his} {r} .
  1  #sad " No , it is mine , " said {f} and ate the {o} alone . {h} walked back to the {w} {m} with nothing . {h.his^} {r} {Cry} .

Learn
  1  {h} wanted to learn to {o=Skill} . [When] {h.he} went to the {p=Place} and tried {Times} , but {h.he} could not do it . [Meet] [Advice] [LearnEnd]
Advice
  1  " I can teach you to {o} , " said {f} .
  1  " You can do it , {h} ! " said {f} .
LearnEnd
  1  #happy So {h} tried again , and soon {h.he} could {o} ! Everyone at the {p} cheered for {h.him} . That night {h.he} showed {h.his} {r} in the {m} how to {o} .
  1  #sad But {h} did not listen to {f} and ran away from the {p} . {h.he^} never tried to {o} again . {h.he^} hid in the {w} {m} , and {h.his} {r} {Cry} .

Build
  1  [When] {h} built {?c=Colour} {c.a} {c} {o=Thing} out of {x=Material} near the {p=Place} . It took {h.him} {Long} . Then a storm came , and the {o} broke . [Meet] [BuildEnd]
BuildEnd
  1  #happy " Let us fix your {o} , " said {f} . They got more {x} from the {p} and worked until {Dusk} . [Joy] {h.his^} {r} came out of the {m} to look at the {c} {o} .
  1  #sad " Your {o} was ugly , " said {f} and took the {x} away . {h} sat down near the {p} and cried . Then {h.he} went home to {h.his} {r} in the {w} {m} .

Gift
  1  It was the birthday of {h.his} {r} , and {h} had no gift . [When] {h.he} took {?o=Toy} {o.a} {o} to the {p=Place} . [Meet] {f} had {?c=Colour} {c.a} {c} {y=Treasure} . [Trade] [GiftEnd]
Trade
  1  " I will give you my {o} for your {y} , " said {h} .
  1  " Do you want my {o} , {f} ? " asked {h} .
GiftEnd
  1  #happy " That is fair , " said {f} and took the {o} . [Joy] {h.he^} ran home to the {m} and gave the {c} {y} to {h.his} {r} .
  1  #sad {f} took the {o} and ran away with the {y} too . {h} came home from the {p} to the {w} {m} , and {h.his} {r} {Cry} .

Storm
  1  [When] {h} left the {m} to pick {o=Fruit} near the {p=Place} . [Dark] [Meet] " Where do you live ? " asked {f} . [Address] [StormEnd]
Dark
  1  Soon it was too dark to see the way home .
  1  Then thick fog came , and {h.he} could not find the way home .
Address
  1  " In {w.a} {w} {m} , " said {h} .
  1  " I live with my {r} in {w.a} {w} {m} , " said {h} .
StormEnd
  1  #happy " I know the way , " said {f} . They walked home from the {p} . {h.his^} {r} opened the door of the {m} , and they all ate the {o} .
  1  #sad " I do not know it , " said {f} . {h} dropped the {o} and slept {s=Spot} . {h.his^} {r} waited in the {m} and {Cry} .
"""

_WORDS = """
Name: Milo=M Tom=M Max=M Finn=M Otto=M Ben=M Hugo=M Leo=M Sam=M Gus=M Lily=F Mia=F Ruby=F Nora=F Anna=F Daisy=F Clara=F Ivy=F Zoe=F Poppy=F
Friend: Pip | Dot | Kit | Bo | Coco | Fizz | Jojo | Mimi | Nico | Olly | Pepper | Rusty | Tilly | Wanda | Ziggy | Bean
Temper: little | small | brave | shy | clever | funny | gentle | sleepy | young | kind | curious | silly | quiet | proud | eager | odd | old | lazy | happy | lonely
Look: tiny | warm | cozy | green | old | tidy | round | snug | empty | icy | dusty | pretty
Home: house | cave | nest | hut | cottage | barn | garden | burrow | attic | tent
Relative: mother | father | grandmother | grandfather | brother | sister | aunt | uncle
Animal: fox | rabbit | bear | mouse | cat | dog | frog | duck | pig | hen | goat | squirrel | turtle | hedgehog | badger | mole | beaver | lamb | owl | otter
Colour: red | blue | yellow | purple | orange | white | black | pink | golden | silver | brown | ivory
Toy: ball | kite | hat | drum | boat | scarf | bell | book | lamp | ring | coat | spoon | key | cup | whistle | basket | umbrella | apron
Treasure: crown | shell | mirror | candle | flute | clock | pearl | ribbon | vase | blanket | globe | medal
Weather: sunny | windy | rainy | cold | foggy | snowy | bright | icy
Time: day | morning | afternoon | evening
Place: park | river | forest | beach | market | hill | lake | farm | bridge | meadow | village | pond
Spot: under the big rock | behind the tall tree | in the long grass | next to the well | under the bench | behind the fence | in the deep hole | next to the gate | under the leaves | behind the wall
Glad: very glad | so pleased | full of joy | very thankful
Cry: cried | cried all night | was sad for a long time | could not sleep
Food: berry pie | carrot cake | bowl of soup | pot of honey | loaf of bread | plate of beans | sweet pear | bag of nuts | slice of cheese | fresh pancake | ripe plum | apple tart | onion roll
Skill: swim | sing | dance | climb | jump | skip | draw | juggle | skate | read | paint | cook
Times: once | two times | three times | many times | again and again
Thing: tower | castle | raft | swing | wagon | tree house | snowman | ladder | table | sled | chair | arch
Material: wood | stone | sand | straw | clay | mud | paper | rope | tin | ice
Long: all day | three days | a whole week | two hours | a long time
Dusk: dark | night | dinner time | the moon came out
Fruit: berries | apples | pears | plums | cherries | mushrooms | flowers | acorns
"""

_PRONOUNS = {"M": "he=he him=him his=his", "F": "he=she him=her his=her"}

# A dialect replaces some rules and classes and leaves the rest as it is.
_DIALECTS = {
    "names": """
Name: Bruno=M Emil=M Kurt=M Nils=M Oskar=M Paul=M Rolf=M Willi=M Berta=F Elsa=F Frida=F Greta=F Hanna=F Ida=F Lotte=F Wilma=F
Friend: Anton | Bela | Carlo | Dora | Enzo | Flora | Gino | Hedwig | Igor | Jana
""",
    "endings": """
Glad: brave at last | a hero now | never alone again | full of joy
Cry: laughed at last | was sad for a long time | never came back | forgot all about it
""",
    "narrator": """
Opening
  3  Listen , children . I once knew {?a=Temper} {a.a} {a} {k=Animal} named {h=Name} . [Home]
  1  This is the tale of {h=Name} , {?a=Temper} {a.a} {a} {k=Animal} . [Home]
When
  2  And then , one {t=Time} ,
  1  One {d=Weather} {t=Time} , I was told ,
""",
}


def _read(text: str) -> tuple[dict, dict]:
    """Split a definition into rules {name: [(weight, template)]} and a lexicon {class: [entry]}."""
    rules: dict[str, list] = {}
    lexicon: dict[str, list[str]] = {}
    name = ""
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("  "):
            weight, template = line.split(maxsplit=1)
            rules[name].append((float(weight), template))
        elif ":" in line:
            name, entries = line.split(":")
            if name == "Name":
                pairs = (entry.split("=") for entry in entries.split())
                lexicon[name] = [f"{word} {_PRONOUNS[gender]}" for word, gender in pairs]
            else:
                lexicon[name] = [entry.strip() for entry in entries.split("|")]
        else:
            name = line.strip()
            rules[name] = []
    return rules, lexicon


def definition(dialect: str | None = None) -> tuple[dict, dict]:
    """Rules and lexicon of the language, or of one of its dialects.

    Raises: ValueError where there is no such dialect.
    """
    rules, lexicon = _read(_TEXT + _WORDS)
    if dialect is not None:
        if dialect not in _DIALECTS:
            raise ValueError(f"{dialect=} is not one of {', '.join(_DIALECTS)}")
        new_rules, new_lexicon = _read(_DIALECTS[dialect])
        rules |= new_rules
        lexicon |= new_lexicon
    # A class written without a memory name, {Cry}, is short for {_Cry=Cry}.
    shorten = {f"{{{name}}}": f"{{_{name}={name}}}" for name in lexicon}
    for alternatives in rules.values():
        for i, (weight, template) in enumerate(alternatives):
            tokens = (shorten.get(token, token) for token in template.split())
            alternatives[i] = (weight, " ".join(tokens))
    return rules, lexicon


def dialects() -> tuple[str, ...]:
    """Names of the dialects."""
    return tuple(_DIALECTS)
