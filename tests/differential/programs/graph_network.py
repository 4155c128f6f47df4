"""A graph convolutional network on a small random graph, with semi-supervised labels and early weights by hand."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.FloatTensor(in_features, out_features))
        if bias:
            self.bias = nn.Parameter(torch.FloatTensor(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        output = torch.mm(adj, torch.mm(input, self.weight))
        return output + self.bias if self.bias is not None else output

    def __repr__(self):
        return f"{self.__class__.__name__} ({self.in_features} -> {self.out_features})"


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass, bias=False)

    def forward(self, x, adj):
        x = F.dropout(F.relu(self.gc1(x, adj)), 0.0, training=self.training)
        return F.log_softmax(self.gc2(x, adj), dim=1)


def main():
    rng = np.random.default_rng(13)
    links = rng.random((30, 30)) < 0.15
    links = links | links.T | np.eye(30, dtype=bool)
    adj = torch.FloatTensor(links.astype("float32"))
    degree = adj.sum(1).pow(-0.5)
    degree[torch.isinf(degree)] = 0.0
    adj = torch.diag(degree) @ adj @ torch.diag(degree)
    features = F.normalize(torch.FloatTensor(rng.random((30, 12))), p=1, dim=1)
    labels = torch.LongTensor(rng.integers(0, 3, 30))
    idx_train = torch.LongTensor(range(12))
    model = GCN(12, 8, 3)
    assert "GraphConvolution (12 -> 8)" in str(model)
    start(model=model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=5e-4)
    for _ in range(10):
        model.train()
        optimizer.zero_grad()
        output = model(features, adj)
        loss = F.nll_loss(output[idx_train], labels[idx_train])
        loss.backward()
        step(loss, model)
        optimizer.step()
    model.eval()
    preds = model(features, adj).max(1)[1].type_as(labels)
    finish(model, correct=preds.eq(labels).double().sum())


if __name__ == "__main__":
    main()
