"""Why a fault that another machine misses is missed, by its name."""

EXPLAINED = {
    "best and monotone look at one pair": "The claims that compare with several rivals are undecided at five seeds "
    "whichever pair decides, and in the published data of the check the first pair gives the verdict. A check whose "
    "last rival is the best would catch it.",
    "a blow-up is ten times the first loss": "No training of quick ends between ten and a thousand times its first "
    "loss, so that nothing is told otherwise: neither a verdict nor a bit.",
}
