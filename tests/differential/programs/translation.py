"""Sequence to sequence: a GRU that reads, a GRU that writes and looks back by attention, and teacher forcing."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step
from torch import optim


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, input):
        return self.gru(self.embedding(input))


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys)))
        weights = F.softmax(scores.squeeze(2).unsqueeze(1), dim=-1)
        return torch.bmm(weights, keys), weights


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(2 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, encoder_outputs, hidden, target_tensor=None, steps=6):
        batch_size = encoder_outputs.size(0)
        word = torch.empty(batch_size, 1, dtype=torch.long).fill_(0)
        outputs, attentions = [], []
        for i in range(steps):
            embedded = self.embedding(word)
            context, weights = self.attention(hidden.permute(1, 0, 2), encoder_outputs)
            output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
            outputs.append(self.out(output))
            attentions.append(weights)
            if target_tensor is not None:
                word = target_tensor[:, i].unsqueeze(1)
            else:
                _, topi = outputs[-1].topk(1)
                word = topi.squeeze(-1).detach()
        return F.log_softmax(torch.cat(outputs, dim=1), dim=-1), hidden, torch.cat(attentions, dim=1)


def main():
    rng = np.random.default_rng(10)
    encoder, decoder = EncoderRNN(15, 12), AttnDecoderRNN(12, 15)
    start(encoder=encoder, decoder=decoder)
    both = nn.ModuleList([encoder, decoder])
    encoder_optimizer = optim.RMSprop(encoder.parameters(), lr=0.003, alpha=0.9, momentum=0.5, centered=True)
    decoder_optimizer = optim.Adagrad(decoder.parameters(), lr=0.05, lr_decay=0.01)
    criterion = nn.NLLLoss()
    for _ in range(10):
        source = torch.from_numpy(rng.integers(1, 15, (5, 6)))
        target = source.flip(1)
        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()
        encoder_outputs, encoder_hidden = encoder(source)
        decoder_outputs, _, _ = decoder(encoder_outputs, encoder_hidden, target)
        loss = criterion(decoder_outputs.view(-1, decoder_outputs.size(-1)), target.reshape(-1))
        loss.backward()
        step(loss, both)
        encoder_optimizer.step()
        decoder_optimizer.step()
    with torch.no_grad():
        decoded, _, attention = decoder(*encoder(source))
    finish(both, words=decoded.topk(1)[1].squeeze(), attention=attention)


if __name__ == "__main__":
    main()
