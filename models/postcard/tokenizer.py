"""A word-level tokenizer over the caption grammar, saved in the form that transformers loads."""

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from models.postcard.captions import every_word

MAX_LENGTH = 32
PAD, UNKNOWN, BEGIN, END = "<pad>", "[UNK]", "<s>", "</s>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Lower case, split at spaces and punctuation, framed by `<s>` and `</s>`."""
    vocabulary = {
        word: number for number, word in enumerate([PAD, UNKNOWN, BEGIN, END, *every_word()])
    }
    words = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    words.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(BEGIN, vocabulary[BEGIN]), (END, vocabulary[END])]
    words.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=marks
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=MAX_LENGTH,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
    )


def token_ids(tokenizer: PreTrainedTokenizerFast, captions: list[str]) -> list[list[int]]:
    """Token numbers, [captions, 32], padded and cut like the pipeline does it."""
    batch = tokenizer(captions, padding="max_length", max_length=MAX_LENGTH, truncation=True)
    rows: list[list[int]] = batch["input_ids"]
    return rows
