"""Where the prompt ends and the answer begins, under the chat templates of common families of models.

The templates are written down here as the models' tokenizers carry them, in their essentials; the tokenizer is the
embedded one with each family's marks added to it.
"""

import copy
from dataclasses import dataclass

import pytest
import tokenizers
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

from seapo.errors import DataError, ModelError
from seapo.model import load_model
from seapo.model.encoding import EMPTY_ANSWER, NO_BOUNDARY, NO_SPLIT, REWRITTEN, encode_chat, encode_text
from seapo.recipe import ModelSection
from seapo.records import Message


@dataclass(frozen=True)
class Family:
    template: str
    end_of_turn: str
    marks: tuple[str, ...] = ()
    takes_system: bool = True
    trims: bool = False
    before_answer: str = ""
    """White space that the template writes between generation prompt and answer."""


CHATML = Family(
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "<|im_end|>",
)
LLAMA_3 = Family(
    "{% for m in messages %}{% if loop.first %}{{ '<|begin_of_text|>' }}{% endif %}"
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "<|eot_id|>",
    ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    trims=True,
)
MISTRAL = Family(
    "{{ '<s>' }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content | trim + '</s>' }}{% endif %}{% endfor %}",
    "</s>",
    ("<s>", "</s>", "[INST]", "[/INST]"),
    takes_system=False,
    trims=True,
    before_answer=" ",
)
GEMMA = Family(
    "{{ '<bos>' }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n'"
    " + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    "<end_of_turn>",
    ("<bos>", "<start_of_turn>", "<end_of_turn>"),
    takes_system=False,
    trims=True,
)
PHI_3 = Family(
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ '<|endoftext|>' }}{% endif %}",
    "<|end|>",
    ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
)
THINKING = Family(
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
    "{% endif %}{% endfor %}{% for m in messages %}{% set text = m.content %}{% set thought = '' %}"
    "{% if m.role == 'assistant' and '</think>' in text %}"
    "{% set thought = text.split('</think>')[0].split('<think>')[-1].strip('\n') %}"
    "{% set text = text.split('</think>')[-1].lstrip('\n') %}{% endif %}"
    "{% if m.role == 'assistant' and loop.index0 > ns.last %}"
    "{{ '<|im_start|>assistant\n<think>\n' + thought + '\n</think>\n\n' + text.lstrip('\n') + '<|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>' + m.role + '\n' + text + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "<|im_end|>",
    ("<think>", "</think>"),
)
PLAIN_TEXT_MARKS = Family(
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
    "",
    before_answer=" ",
)
FAMILIES = {
    "chatml": CHATML, "llama-3": LLAMA_3, "mistral": MISTRAL, "gemma": GEMMA, "phi-3": PHI_3,
    "thinking": THINKING, "plain": PLAIN_TEXT_MARKS,
}  # fmt: skip
SYSTEM = Message(role="system", content="Be brief.")
QUESTION = Message(role="user", content="What is an answer? Say yes.")
TURNS = (
    QUESTION,
    Message(role="assistant", content="<think>Hm.</think>\n\nYes."),
    Message(role="user", content="More?"),
)
ANSWERS = [
    "Plain words.", "yes", "More?", "assistant", "im_end", "  Two spaces before.", "\nA line before.",
    "Some after.  \n", "Grüße, 数学 🤯🤯!", "```py\n    x = 1\n```", "\t- tab", "user: no\nassistant: yes",
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer_of(embedded):
    def build(family):
        tokenizer = copy.deepcopy(embedded[1])
        tokenizer.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in family.marks])
        tokenizer.chat_template = family.template
        return tokenizer

    built = {name: build(family) for name, family in FAMILIES.items()}
    return built.__getitem__


def whole_text(tokenizer, family, prompt, answer):
    """What the template writes, up to the end of turn."""
    messages = [message.model_dump() for message in (*prompt, Message(role="assistant", content=answer))]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    end = text.rindex(family.end_of_turn) + len(family.end_of_turn) if family.end_of_turn else -len("\n")
    return text[:end]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("prompt", [(QUESTION,), (SYSTEM, QUESTION), TURNS], ids=["one turn", "system", "three turns"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_prompt_and_completion_are_what_the_template_writes(tokenizer_of, name, prompt, answer):
    tokenizer, family = tokenizer_of(name), FAMILIES[name]
    if prompt[0] is SYSTEM and not family.takes_system:
        with pytest.raises(DataError, match=r"the chat template refuses this conversation: (roles|System role)"):
            encode_chat(tokenizer, prompt, answer)
        return
    encoded = encode_chat(tokenizer, prompt, answer)
    assert tokenizer.decode([*encoded.prompt, *encoded.completion]) == whole_text(tokenizer, family, prompt, answer)
    if name == "thinking":
        answer = answer.lstrip("\n")
    elif family.trims:
        answer = answer.strip()
    assert tokenizer.decode(encoded.completion) == family.before_answer + answer + family.end_of_turn


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_generation_begins_from_the_tokens_of_the_prompt(tokenizer_of, name, answer):
    tokenizer = tokenizer_of(name)
    head = tokenizer.apply_chat_template([QUESTION.model_dump()], tokenize=False, add_generation_prompt=True)
    if name == "thinking":
        head += "<think>\n\n</think>\n\n"  # what the family calls its generation prompt without thinking
    encoded = encode_chat(tokenizer, (QUESTION,), answer)
    assert encoded.prompt == tokenizer(head, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_every_character_belongs_to_the_tokens_that_write_it(tokenizer_of, name, answer):
    tokenizer = tokenizer_of(name)
    encoded = encode_chat(tokenizer, (QUESTION,), answer)
    covered = {place for left, right in encoded.offsets for place in range(left, right)}
    assert covered >= {place for place, character in enumerate(answer) if not character.isspace()}
    for token, (left, right) in zip(encoded.completion, encoded.offsets, strict=True):
        text = tokenizer.decode([token])
        if "\ufffd" not in text and left < right:
            assert text.strip() == answer[left:right].strip()
    if FAMILIES[name].end_of_turn:
        assert encoded.offsets[-1] == (len(answer), len(answer))


def test_a_token_over_the_boundary_is_parted_as_generation_would_see_it(tokenizer_of):
    tokenizer = tokenizer_of("chatml")
    encoded = encode_chat(tokenizer, (QUESTION,), "\n\nTwo lines before.")
    joint = tokenizer(whole_text(tokenizer, CHATML, (QUESTION,), "\n\nTwo lines before."), add_special_tokens=False)[
        "input_ids"
    ]
    assert joint != [*encoded.prompt, *encoded.completion]
    assert encoded.boundary_shifted
    assert tokenizer.decode(encoded.completion[:1]) == "\n"
    assert not encode_chat(tokenizer, (QUESTION,), "No line before.").boundary_shifted


def test_an_answer_with_a_thinking_block_of_its_own_keeps_it(tokenizer_of):
    tokenizer, answer = tokenizer_of("thinking"), "<think>Two and two.</think>Four."
    encoded = encode_chat(tokenizer, (QUESTION,), answer)
    assert tokenizer.decode(encoded.completion) == "<think>\nTwo and two.\n</think>\n\nFour.<|im_end|>"
    texts = [(tokenizer.decode([token]), span) for token, span in zip(encoded.completion, encoded.offsets, strict=True)]
    assert texts[-3:] == [("Four", (27, 31)), (".", (31, 32)), ("<|im_end|>", (32, 32))]
    assert answer[27:32] == "Four."


def test_a_generation_prompt_that_opens_the_thinking_block(tokenizer_of):
    tokenizer = copy.deepcopy(tokenizer_of("thinking"))
    tokenizer.chat_template = THINKING.template.replace(
        "'<|im_start|>assistant\n' }}{% endif", "'<|im_start|>assistant\n<think>\n' }}{% endif"
    )
    plain = encode_chat(tokenizer, (QUESTION,), "Four.")
    assert tokenizer.decode(plain.prompt).endswith("assistant\n<think>\n\n</think>\n\n")
    assert tokenizer.decode(plain.completion) == "Four.<|im_end|>"
    thought = encode_chat(tokenizer, (QUESTION,), "<think>\nTwo.\n</think>\n\nFour.")
    assert tokenizer.decode(thought.prompt).endswith("assistant\n<think>\n")
    assert tokenizer.decode(thought.completion) == "Two.\n</think>\n\nFour.<|im_end|>"
    assert thought.offsets[0] == (8, 11)


def test_a_template_that_drops_the_opened_block_has_no_boundary(tokenizer_of):
    tokenizer = copy.deepcopy(tokenizer_of("chatml"))
    tokenizer.chat_template = CHATML.template.replace("assistant\n'", "assistant\n<think>\n'")
    with pytest.raises(DataError, match=NO_BOUNDARY) as problem:
        encode_chat(tokenizer, (QUESTION,), "Four.")
    assert r"its generation prompt is '<|im_start|>assistant\n<think>\n', which does not" in str(problem.value)


@pytest.mark.parametrize("change", ["m.content | upper", "m.content | truncate(9)", "m.content + m.content"])
def test_a_template_that_changes_the_answer_is_refused(tokenizer_of, change):
    tokenizer = copy.deepcopy(tokenizer_of("chatml"))
    tokenizer.chat_template = CHATML.template.replace("m.content", change)
    with pytest.raises(DataError, match=f"{REWRITTEN}|{NO_BOUNDARY}"):
        encode_chat(tokenizer, (QUESTION,), "A rather long answer to it.")


@pytest.mark.parametrize("answer", ["", "  ", "\n"])
def test_an_empty_answer_is_refused(tokenizer_of, answer):
    with pytest.raises(DataError, match=EMPTY_ANSWER):
        encode_chat(tokenizer_of("chatml"), (QUESTION,), answer)
    with pytest.raises(DataError, match=EMPTY_ANSWER):
        encode_text(tokenizer_of("chatml"), "Question?", answer + "<|im_end|>")


def test_without_a_template_the_error_says_what_to_do(embedded):
    tokenizer = copy.deepcopy(embedded[1])
    tokenizer.chat_template = None
    with pytest.raises(
        ModelError, match=r"no chat template, .* use an instruct model, or set tokenizer\.chat_template"
    ):
        encode_chat(tokenizer, (QUESTION,), "Yes.")
    assert tokenizer.decode(encode_text(tokenizer, "One, two,", " three.").completion) == " three.<|im_end|>"


def test_a_model_without_a_template_loads_and_reads_plain_texts(embedded, tmp_path):
    tokenizer = copy.deepcopy(embedded[1])
    tokenizer.chat_template = tokenizer.pad_token = None
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_model(ModelSection(name=str(tmp_path)))
    assert loaded.tokenizer.chat_template is loaded.tokenizer.pad_token is None
    assert encode_text(loaded.tokenizer, "One,", " two") == encode_text(tokenizer, "One,", " two")
    with pytest.raises(ModelError, match="has no chat template"):
        encode_chat(loaded.tokenizer, (QUESTION,), "Yes.")


def test_without_a_pad_token_nothing_differs(embedded):
    tokenizer = copy.deepcopy(embedded[1])
    tokenizer.pad_token = None
    assert encode_chat(tokenizer, (QUESTION,), "Yes.") == encode_chat(embedded[1], (QUESTION,), "Yes.")
    assert encode_text(tokenizer, "One,", " two") == encode_text(embedded[1], "One,", " two")


def test_without_an_end_of_text_plain_texts_cannot_end(embedded):
    tokenizer = copy.deepcopy(embedded[1])
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match=r"no end-of-text token, .* set tokenizer\.eos_token"):
        encode_text(tokenizer, "One,", " two")


TEXTS = st.text(st.sampled_from("abé数🤯 .\n-:"), min_size=1, max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=TEXTS, answer=TEXTS)
def test_plain_texts_come_back_whole(embedded, prompt, answer):
    if not answer.strip():
        return
    tokenizer = embedded[1]
    encoded = encode_text(tokenizer, prompt, answer)
    assert tokenizer.decode([*encoded.prompt, *encoded.completion]) == prompt + answer + "<|im_end|>"
    assert encoded.prompt == tokenizer(prompt)["input_ids"]


def spaced_tokenizer(prepend_scheme):
    """A tokenizer in the manner of Llama 2: a space is written as a mark, and put before a text; with a start token."""
    words = ["▁", "▁yes", "yes", "▁a", "a", "b", "ab", "▁no", "no", ":", ":y", "es", "<0x0A>"]
    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.?!,"]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(["<s>", "</s>", "<unk>", *words, *letters]))}
    merges = [(":", "y"), ("a", "b"), ("e", "s")]
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges, unk_token="<unk>", ignore_merges=False))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=False)
    inner.decoder = tokenizers.decoders.Metaspace(prepend_scheme=prepend_scheme, split=False)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.add_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    tokenizer.backend_tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return tokenizer


@pytest.mark.parametrize("scheme", ["always", "first"])
def test_a_tokenizer_that_puts_a_space_before_texts_puts_none_into_the_middle(scheme):
    tokenizer = spaced_tokenizer(scheme)
    encoded = encode_text(tokenizer, "no:", "yes")
    assert encoded.boundary_shifted
    assert tokenizer.convert_ids_to_tokens(encoded.prompt)[0] == "<s>"
    assert tokenizer.decode([*encoded.prompt[1:], *encoded.completion]) == "no:yes</s>"
    assert "▁" not in "".join(tokenizer.convert_ids_to_tokens(encoded.completion))
    apart = tokenizer("yes", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode([*encoded.prompt[1:], *apart]) == "no: yes"  # what the anchor is for


def test_where_no_tokens_continue_the_prompt_the_row_is_refused(embedded):
    class Forgetful:
        """A tokenizer whose decoding never gives the same text again."""

        def __init__(self, inner):
            self.inner, self.count = inner, 0

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def __call__(self, *arguments, **options):
            return self.inner(*arguments, **options)

        def decode(self, ids, **options):
            self.count += 1
            return str(self.count)

    with pytest.raises(DataError, match=NO_SPLIT):
        encode_text(Forgetful(embedded[1]), "Line\n", "\n\nline")
