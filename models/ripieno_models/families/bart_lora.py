"""`bart-lora`: a pretrained BART (Lewis et al., 2020) that learns to restore masked music.

Its vocabulary is extended with the event tokens, whose embeddings are learned whole; all else is
fine-tuned by low-rank adapters. The encoder reads a piece with some of it masked, or nothing but
one mask; the decoder tells the piece unmasked. In a bundle it streams: the encoder reads one mask,
and the decoder goes on from the last tokens that were heard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from ripieno_models.families import folk_transformer
from ripieno_models.families.folk_transformer import HIGH, LOW
from ripieno_models.families.pretrained import LoraOptions, adapted, loaded
from ripieno_models.families.stepped import Stepped
from ripieno_models.options import option
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.shifts import Shifts

PARTS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(LoraOptions):
    """Options of the family."""

    masked: float = option(0.3, 0.0, 1.0, "share of a piece that the encoder does not see")
    all_masked: float = option(0.5, 0.0, 1.0, "share of batches of which it sees one mask alone")


class BartLora(Stepped):
    """Event tokens in and out, with a model of prose between."""

    def __init__(self, options: Options, scheme: Scheme) -> None:
        super().__init__()
        self.options = options
        model, tokenizer = loaded(options.pretrained, "bart")
        tokenizer.add_tokens([f"<{name}>" for name in scheme.names])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        self.adapted = adapted(model, options, PARTS)
        model.model.shared.weight.requires_grad_(True)
        own = tokenizer.convert_tokens_to_ids([f"<{name}>" for name in scheme.names])
        mask = torch.tensor([[tokenizer.mask_token_id]])
        self.register_buffer("own", torch.tensor(own), persistent=False)
        self.register_buffer("mask", mask, persistent=False)
        self.own: Tensor  # [V]: what each token is called in the larger vocabulary
        self.mask: Tensor  # [1, 1]

    def told(self, seen: Tensor, tokens: Tensor) -> Tensor:
        """Logits [B, N, V] for `tokens` [B, N], where the encoder reads `seen` [B, M] of the larger
        vocabulary."""
        found = self.adapted(input_ids=seen, decoder_input_ids=self.own[tokens], use_cache=False)
        logits: Tensor = found.logits[..., self.own]
        return logits

    def read(self, tokens: Tensor) -> Tensor:
        return self.told(self.mask.expand(len(tokens), -1), tokens)

    def learn(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(mean nats per token, all nats) of what is asked, some of the batch masked to the
        encoder, or all of it; see `tokens.nats`."""
        seen = self.mask.expand(len(tokens), -1)
        if float(torch.rand(())) >= self.options.all_masked:
            hidden = torch.rand(tokens.shape) < self.options.masked
            seen = torch.where(hidden, self.mask, self.own[tokens])
        logits = self.told(seen, tokens).flatten(0, 1).float()
        nats = functional.cross_entropy(logits, targets.flatten(), reduction="sum")
        return nats / (targets >= 0).sum(), nats.detach()

    def states(self) -> dict[str, tuple[int, ...]]:
        return {"window": (1, self.options.window), "count": (1,)}

    def step(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        size = self.options.window
        reach = torch.arange(size)
        full = (states[1] >= size).long()  # [1]: the oldest goes
        wide = torch.cat((states[0], torch.zeros_like(states[0][:, :1])), dim=1)
        moved = wide.gather(1, (reach + full)[None])  # [1, W]
        last = states[1].clamp(max=size - 1).long()  # [1]: where the new one goes
        window = torch.where(reach == last, tokens.float(), moved)
        logits = self.read(window.long())  # [1, W, V]
        index = last[:, None, None].expand(-1, -1, logits.shape[-1])
        return logits.gather(1, index)[:, 0], window, (states[1] + 1).clamp(max=size)


def build(options: Options, vocabulary: int) -> BartLora:
    """The model for the family's own vocabulary, which has no merges."""
    return BartLora(options, Shifts.of(LOW, HIGH))


KIND = replace(
    folk_transformer.KIND,
    name="bart-lora",
    title="Fiddle tunes, by a language model that restores what is masked",
    options=Options,
    build=build,
    numbered=False,
    written=Shifts,
)
