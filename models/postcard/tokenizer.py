"""A word-level tokenizer over the caption grammar, saved in the form that transformers loads.

A word's likely misspellings stand in the vocabulary too, after all words. The text encoder is
trained on words alone; at export every misspelling gets a copy of its word's embedding, so that
reading it has not to be learned.
"""

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from models.postcard.layout import TOKENS
from models.postcard.wording import every_word
from shared.spelling import misspellings

MAX_LENGTH = 34 + TOKENS
PAD, UNKNOWN, BEGIN, END = "<pad>", "[UNK]", "<s>", "</s>"
SPECIAL = (PAD, UNKNOWN, BEGIN, END)


def words_and_marks() -> list[str]:
    """What the text encoder is trained on, by number."""
    return [*SPECIAL, *every_word()]


def meant_numbers() -> list[int]:
    """For every number of the tokenizer the number of what it is read as."""
    known = words_and_marks()
    numbers = {word: number for number, word in enumerate(known)}
    return [*range(len(known)), *(numbers[word] for word in misspellings(every_word()).values())]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Lower case, split at spaces and punctuation, framed by `<s>` and `</s>`."""
    spellings = [*words_and_marks(), *misspellings(every_word())]
    vocabulary = {spelling: number for number, spelling in enumerate(spellings)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(BEGIN, vocabulary[BEGIN]), (END, vocabulary[END])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=marks
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
    )


def token_ids(tokenizer: PreTrainedTokenizerFast, captions: list[str]) -> list[list[int]]:
    """Token numbers, [captions, 40], padded and cut like the pipeline does it."""
    batch = tokenizer(captions, padding="max_length", max_length=MAX_LENGTH, truncation=True)
    rows: list[list[int]] = batch["input_ids"]
    return rows
