"""A word language model: an LSTM with tied weights, truncated backpropagation, clipping, and SGD by hand."""

import math

import numpy as np
import torch
import torch.nn as nn
from exchange import finish, start, step


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid, nlayers, dropout=0.0, tie_weights=True):
        super().__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            if nhid != ninp:
                raise ValueError("When using the tied flag, nhid must be equal to emsize")
            self.decoder.weight = self.encoder.weight
        self.init_weights()
        self.nhid, self.nlayers = nhid, nlayers

    def init_weights(self):
        initrange = 0.1
        nn.init.uniform_(self.encoder.weight, -initrange, initrange)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -initrange, initrange)

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
        return nn.functional.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return (
            weight.new_zeros(self.nlayers, bsz, self.nhid),
            weight.new_zeros(self.nlayers, bsz, self.nhid),
        )


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    data = data.narrow(0, 0, nbatch * bsz)
    return data.view(bsz, -1).t().contiguous()


def main():
    rng = np.random.default_rng(3)
    corpus = batchify(torch.from_numpy(rng.integers(0, 30, 400)).type(torch.int64), 4)
    model = RNNModel(30, 12, 12, 2)
    start(model=model)
    criterion = nn.NLLLoss()
    lr, bptt = 2.0, 7
    hidden = model.init_hidden(4)
    model.train()
    for i in range(0, 70, bptt):
        seq_len = min(bptt, len(corpus) - 1 - i)
        data, target = corpus[i : i + seq_len], corpus[i + 1 : i + 1 + seq_len].view(-1)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        step(loss, model)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
    finish(model, perplexity=math.exp(loss.item()), h=hidden[0], c=hidden[1])


if __name__ == "__main__":
    main()
