"""Real words that are one slip of the finger from a word of ours; none is taken for it."""

REAL_WORDS = frozenset(
    """
    act bat bats bear bears beat bills bloat boats bog boot boots bouse brain brains bring brow
    browse bun buns care cares cart carts cast cats chat chats cities clack clown clowns coat
    coats cord cork cot crops crow crown crowns crows dish dishes dog dogs door doors dress drew
    dune fate fiend fiends fight fights fire fires fist fists flour flours flow flowed folder
    forests fort foul four free frog fun goad goat goats goof grapes grow grown gun guns hail
    hair hand hands hare hat hate hats heard hearse hearth heat heats hole hoof hoofs hook hop
    horse horses hose hour hull hulls king kings kit kite kites kits lace laces lamb lane lanes
    late leak leek lion loop loops made male man mane mate mills mood moods moose morn mound
    mouse mutton noun nun nuns pail peaky peas pen pens pet pill pills pin pins pipe pipes plan
    plane planes plans plant plants plum pond ponds pool pools purple rag rags rail rails ran
    rat rats reed rein reins rise rises rivets roast rod rode rods rood room rooms rose roses
    rug run runs sail sails sand sang sank seal seals seat see seed sheep shin shins shop shops
    show shows sin sit skip skips sky slip slips slow small smell snot soon spa spine spoon spot
    spout squad square squire stair stairs star stare stares starve stay stays steam stem stems
    stern sting stoat stork strip strips sum sun sung sunk swan tar tee teeth thee then three
    tire toad toads tow tower towns toy toys trail train trains tray tread treat treats trio tub
    war wart wine wing wings wood wool word wore world worm
    """.split()
)
