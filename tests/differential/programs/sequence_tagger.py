"""A tagger of sequences of different lengths: packed batches through a bidirectional LSTM."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset


class Sentences(Dataset):
    def __init__(self):
        rng = np.random.default_rng(5)
        self.words = [torch.from_numpy(rng.integers(1, 20, n)) for n in rng.integers(2, 9, 40)]
        self.tags = [(words * 3 + 1) % 4 for words in self.words]

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        return self.words[i], self.tags[i]


def collate(batch):
    batch = sorted(batch, key=lambda pair: len(pair[0]), reverse=True)
    lengths = torch.tensor([len(words) for words, _ in batch])
    words = pad_sequence([words for words, _ in batch], batch_first=True, padding_value=0)
    tags = pad_sequence([tags for _, tags in batch], batch_first=True, padding_value=-100)
    return words, tags, lengths


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(12, 4)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embedding(words), lengths, batch_first=True)
        out, (h, c) = self.lstm(packed)
        out, _ = pad_packed_sequence(out, batch_first=True)
        return self.tags(out), h


def main():
    model = Tagger()
    start(model=model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    for _ in range(2):
        for words, tags, lengths in DataLoader(Sentences(), batch_size=8, collate_fn=collate):
            optimizer.zero_grad()
            scores, h = model(words, lengths)
            loss = F.cross_entropy(scores.permute(0, 2, 1), tags, ignore_index=-100)
            loss.backward()
            step(loss, model)
            optimizer.step()
    mask = tags != -100
    right = (scores.argmax(-1)[mask] == tags[mask]).float().mean()
    finish(model, accuracy=right, h=h)


if __name__ == "__main__":
    main()
