"""What people really write in module 05, and what it means."""

from tinytorch_course.kit import change, mistake


@mistake(
    "no_grad.__enter__",
    "nothing-remembered",
    "you did not remember what held before: at the end there is nothing to go back to",
)
def __enter__(self):
    self.before.append(True)
    MODE.recording = self.target


@mistake(
    "no_grad.__enter__",
    "one-place-only",
    "you remember one mode only: the same object may be entered twice, the second time inside the first",
)
def __enter__(self):
    self.before = [MODE.recording]
    MODE.recording = self.target


@mistake(
    "no_grad.__enter__",
    "always-off",
    "you switched recording off in any case; `target` says what the block wants, and enable_grad wants it on",
)
def __enter__(self):
    self.before.append(MODE.recording)
    MODE.recording = False


@mistake("no_grad.__enter__", "not-switched", "you remembered the mode and left it as it was")
def __enter__(self):
    self.before.append(MODE.recording)


@mistake(
    "no_grad.__exit__",
    "on-again",
    "you switched recording on at the end; inside another block it was off before",
)
def __exit__(self, kind, error, trace):
    self.before.pop()
    MODE.recording = True


@mistake(
    "no_grad.__exit__",
    "only-after-success",
    "you restored the mode only if nothing was raised: after an error recording stays off for good",
)
def __exit__(self, kind, error, trace):
    if kind is None:
        MODE.recording = self.before.pop()


@mistake(
    "no_grad.__exit__",
    "error-swallowed",
    "you returned True, which tells Python that the error is dealt with",
)
def __exit__(self, kind, error, trace):
    MODE.recording = self.before.pop()
    return True


@mistake(
    "no_grad.__exit__",
    "left-on-the-stack",
    "you looked at what held before and left it there: the next exit finds it again",
)
def __exit__(self, kind, error, trace):
    MODE.recording = self.before[0]


change(
    "record",
    "edges-to-constants",
    "you drew an edge to every input; to one that wants no gradient there is none",
    (
        "node.edges = [(x.edge or (x, 0)) if x.requires_grad else None for x in inputs]",
        "node.edges = [x.edge or (x, 0) for x in inputs]",
    ),
)


change(
    "record",
    "one-edge-per-tensor",
    "you drew one edge for each tensor; x * x reads x twice, and each use has an edge of its own",
    (
        "node.edges = [(x.edge or (x, 0)) if x.requires_grad else None for x in inputs]",
        """\
node.edges = []
for i, x in enumerate(inputs):
    again = any(x is other for other in inputs[:i])
    node.edges.append((x.edge or (x, 0)) if x.requires_grad and not again else None)
""",
    ),
)


change(
    "record",
    "leaves-forgotten",
    "you took the edge of each input; a leaf has none, since no operation made it: its edge leads to itself",
    (
        "node.edges = [(x.edge or (x, 0)) if x.requires_grad else None for x in inputs]",
        "node.edges = [x.edge if x.requires_grad else None for x in inputs]",
    ),
)


change(
    "record",
    "everything-kept",
    "right, but you kept every input and output; a gradient reads some of them, and `op.keeps` says which",
    (
        """\
keep_outputs, keep_inputs = op.keeps(wanted)
node.inputs = {i: keep(arrays[i]) for i in keep_inputs}
node.outputs = [keep(out.array) for out in outs] if keep_outputs else []
""",
        """\
_keep_outputs, _keep_inputs = op.keeps(wanted)
node.inputs = {i: keep(array) for i, array in enumerate(arrays)}
node.outputs = [keep(out.array) for out in outs]
""",
    ),
)


@mistake(
    "record",
    "result-kept",
    "you kept the result itself in its own node: a circle, which memory never gets out of",
)
def record(op, inputs, arrays, outs):
    node = new(Node)
    node.op, node.age, node.made, node.hooks, node.spent = op, next(AGES), len(outs), None, False
    node.edges = [(x.edge or (x, 0)) if x.requires_grad else None for x in inputs]
    node.shapes = [array.shape for array in arrays]
    wanted = sum([1 << i for i, x in enumerate(inputs) if x.requires_grad], 1 << len(inputs))
    keep_outputs, keep_inputs = op.keeps(wanted)
    node.inputs = {i: keep(arrays[i]) for i in keep_inputs}
    node.outputs = [keep(out.array) for out in outs] if keep_outputs else []
    for index, out in enumerate(outs):
        if out.array.dtype.category == FLOATING:
            out.edge = (node, index)
            out.requires_grad = True
    node.hooks = {}
    node.hooks[len(outs)] = list(outs)


change(
    "record",
    "first-output-only",
    "you gave every output the number 0; the engine must know which of them a gradient belongs to",
    (
        "for index, out in enumerate(outs):",
        "for _index, out in enumerate(outs):",
    ),
    (
        "out.edge = (node, index)",
        "out.edge = (node, 0)",
    ),
)


change(
    "record",
    "indices-want-gradients",
    "you gave integer outputs a history; no gradient flows through a place",
    (
        """\
if out.array.dtype.category == FLOATING:
    out.edge = (node, index)
    out.requires_grad = True
""",
        """\
out.edge = (node, index)
out.requires_grad = True
""",
    ),
)


change(
    "record",
    "no-age",
    "you gave every node the same age; the engine takes the youngest first",
    (
        "node.op, node.age, node.made, node.hooks, node.spent = op, next(AGES), len(outs), None, False",
        "node.op, node.age, node.made, node.hooks, node.spent = (op, 0, len(outs), None, False)",
    ),
)


@mistake(
    "sum_to_size",
    "leading-axes-only",
    "you folded the new axes in front; an axis of size 1 that was stretched must be folded too",
)
def sum_to_size(g, shape):
    new = g.ndim - len(shape)
    return g.sum(tuple(range(new))).reshape(shape) if new else g


@mistake(
    "sum_to_size",
    "stretched-axes-only",
    "you folded the axes that were stretched; those that broadcasting put in front must go too",
)
def sum_to_size(g, shape):
    if len(shape) < g.ndim:
        return g
    axes = tuple(i for i, size in enumerate(shape) if size == 1 and g.shape[i] != 1)
    return g.sum(axes, keepdim=True) if axes else g


@mistake(
    "sum_to_size",
    "ones-gone",
    "you dropped the axes of size 1: the gradient no longer has the shape of its input",
)
def sum_to_size(g, shape):
    new = g.ndim - len(shape)
    axes = tuple(range(new)) + tuple(i + new for i, size in enumerate(shape) if size == 1)
    return g.sum(axes) if axes else g


@mistake(
    "sum_to_size",
    "averaged",
    "you took the mean of the uses; a number that is read five times owes the sum of all five",
)
def sum_to_size(g, shape):
    if g.shape == shape:
        return g
    new = g.ndim - len(shape)
    axes = (*range(new), *[i + new for i, size in enumerate(shape) if size == 1 and g.shape[i + new] != 1])
    return (g.mean(axes, keepdim=True) if axes else g).reshape(shape)


@mistake("sum_to_size", "everything-folded-into-one", "you folded everything; the axes that both have stay")
def sum_to_size(g, shape):
    return g if g.shape == shape else g.sum().expand(shape)


@mistake(
    "consumers_first",
    "once-per-path",
    "you recursed along every path: twenty additions have a million of them",
)
def consumers_first(roots):
    order = []

    def walk(target):
        order.append(target)
        if type(target) is Node:
            for edge in target.edges:
                if edge is not None:
                    walk(edge[0])

    for root in roots:
        walk(root)
    return order


@mistake(
    "consumers_first",
    "depth-of-the-graph",
    "you recursed once per node: a chain of a few thousand operations is deeper than Python allows",
)
def consumers_first(roots):
    seen, order = set(), []

    def walk(target):
        if target in seen:
            return
        seen.add(target)
        if type(target) is Node:
            for edge in target.edges:
                if edge is not None:
                    walk(edge[0])
        order.append(target)

    for root in roots:
        walk(root)
    order.reverse()
    return sorted(order, key=lambda each: type(each) is not Node)


@mistake(
    "consumers_first",
    "at-the-first-consumer",
    "you took each node when its first consumer was done; others may still have something to add",
)
def consumers_first(roots):
    seen, order = [], list(roots)
    for target in order:
        if type(target) is Node:
            for edge in target.edges:
                if edge is not None and edge[0] not in seen and not any(each is edge[0] for each in order):
                    seen.append(edge[0])
                    order.append(edge[0])
    return sorted(order, key=lambda each: type(each) is not Node)


change(
    "consumers_first",
    "causes-first",
    "you put the oldest first: the order of the forward pass; backward is the other way round",
    (
        """\
nodes = [target for target in seen if type(target) is Node]
return sorted(nodes, key=lambda node: node.age) + [each for each in seen if type(each) is not Node]
""",
        """\
nodes = [each for each in seen if type(each) is Node]
return sorted(nodes, key=lambda node: -node.age) + [each for each in seen if type(each) is not Node]
""",
    ),
)


change(
    "consumers_first",
    "leaves-left-out",
    "you left the leaves out; they come last, and are where the gradients are going",
    (
        """\
nodes = [target for target in seen if type(target) is Node]
return sorted(nodes, key=lambda node: node.age) + [each for each in seen if type(each) is not Node]
""",
        "return sorted([each for each in seen if type(each) is Node], key=lambda node: node.age)",
    ),
)


change(
    "Sweep.add",
    "overwritten",
    "you replaced what had arrived; a tensor that is used twice owes both: they add up",
    (
        "there[index] = there[index] + g",
        "there[index] = g",
    ),
)


change(
    "Sweep.add",
    "first-one-wins",
    "you kept what had arrived and dropped what came later; they add up",
    (
        """\
there[index] = there[index] + g
fresh = True
""",
        "pass",
    ),
)


change(
    "Sweep.add",
    "added-in-place",
    "you added into the array that had arrived; somebody else may hold that very array",
    (
        "there[index] = there[index] + g",
        "there[index].add_(g)",
    ),
)


@mistake(
    "Sweep.add",
    "never-waiting",
    "you did not put the node among those that wait: nobody will ever hand its gradient on",
)
def add(self, edge, g, fresh):
    target, index = edge
    there = self.arrived.get(target)
    if there is None:
        if type(target) is Node and target.made > 1:
            there = self.arrived[target] = [None] * target.made
            there[index] = g
            return
        self.arrived[target] = [g]
    elif there[index] is None:
        there[index] = g
    else:
        there[index] = there[index] + g
        fresh = True
    if fresh and type(target) is not Node:
        self.owned.add(target)


@mistake(
    "Sweep.add",
    "running-total",
    "you handed a node on at every contribution, with the sum so far: what was in it before travels again each time",
)
def add(self, edge, g, fresh):
    sums = self.__dict__.setdefault("sums", {})
    second = edge in sums
    sums[edge] = sums[edge] + g if second else g
    target, index = edge
    if type(target) is Node:
        self.visit(target, [sums[edge] if i == index else None for i in range(target.made)])
        return
    self.arrived[target] = [sums[edge]]
    if second or fresh:
        self.owned.add(target)


@mistake(
    "Sweep.add",
    "one-output-assumed",
    "you made room for one gradient; an operation of several outputs needs one for each",
)
def add(self, edge, g, fresh):
    target, index = edge
    there = self.arrived.get(target)
    if there is None:
        if type(target) is Node:
            heappush(self.waiting, (target.age, target))
        self.arrived[target] = [g]
    elif there[index] is None:
        there[index] = g
    else:
        there[index] = there[index] + g
        fresh = True
    if fresh and type(target) is not Node:
        self.owned.add(target)


@mistake(
    "Sweep.add",
    "everything-owned",
    "you called every gradient its leaf's own; one that was handed through belongs to others too",
)
def add(self, edge, g, fresh):
    target, index = edge
    there = self.arrived.get(target)
    if there is None:
        if type(target) is Node:
            heappush(self.waiting, (target.age, target))
            if target.made > 1:
                there = self.arrived[target] = [None] * target.made
                there[index] = g
                return
        self.arrived[target] = [g]
    elif there[index] is None:
        there[index] = g
    else:
        there[index] = there[index] + g
    if type(target) is not Node:
        self.owned.add(target)


@mistake(
    "Sweep.run", "oldest-first", "you took the oldest node first: its consumers have not all reported yet"
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    try:
        while self.waiting:
            node = self.waiting.pop(self.waiting.index(max(self.waiting)))[1]
            self.visit(node, self.arrived.pop(node))
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run",
    "as-they-arrive",
    "you took the nodes as they arrived; one may be handed on before its last consumer has reported",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    try:
        while self.waiting:
            node = next(each for each in self.arrived if type(each) is Node)
            self.waiting = [each for each in self.waiting if each[1] is not node]
            self.visit(node, self.arrived.pop(node))
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run",
    "late-ones-dropped",
    "you handed each node on when its first contribution was there, and dropped those that came later",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    done = set()
    try:
        while self.waiting:
            node = self.waiting.pop()[1]
            gs = self.arrived.pop(node)
            if node not in done:
                done.add(node)
                self.visit(node, gs)
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run",
    "stopped-at-none",
    "you left out a node of which one output has no gradient: nobody used that output, and the others still count",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    try:
        while self.waiting:
            node = heappop(self.waiting)[1]
            gs = self.arrived.pop(node)
            if all(g is not None for g in gs):
                self.visit(node, gs)
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run",
    "leaves-never-visited",
    "you handed gradients from node to node, and never delivered them to the leaves",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    try:
        while self.waiting:
            node = heappop(self.waiting)[1]
            self.visit(node, self.arrived.pop(node))
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run", "mode-lost", "you did not restore the mode after an error: from then on nothing is recorded"
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, self.create_graph
    if True:
        while self.waiting:
            node = heappop(self.waiting)[1]
            self.visit(node, self.arrived.pop(node))
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    MODE.recording = before


@mistake(
    "Sweep.run",
    "gradients-recorded",
    "you left recording on: every gradient has a history, and memory grows with each step",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, True
    try:
        while self.waiting:
            node = heappop(self.waiting)[1]
            self.visit(node, self.arrived.pop(node))
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake(
    "Sweep.run",
    "never-recorded",
    "you switched recording off in any case: with create_graph the gradients must have a history of their own",
)
def run(self, roots):
    if self.wanted is not None:
        self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
    before, MODE.recording = MODE.recording, False
    try:
        while self.waiting:
            node = heappop(self.waiting)[1]
            self.visit(node, self.arrived.pop(node))
        for leaf, gs in self.arrived.items():
            self.visit(leaf, gs)
    finally:
        MODE.recording = before


@mistake("Sweep.deliver", "replaced", "you replaced the leaf's gradient; a second backward adds to it")
def deliver(self, leaf, g):
    leaf.grad = g if self.create_graph or leaf in self.owned else g.clone()


change(
    "Sweep.deliver",
    "shared",
    "you handed over an array that others hold too: changing one leaf's gradient changes another's",
    (
        """\
elif self.create_graph or leaf in self.owned:
    leaf.grad = g
else:
    leaf.grad = g.clone()  # somebody else may hold it: clipping one must not change the other
""",
        """\
else:
    leaf.grad = g
""",
    ),
)


@mistake(
    "Sweep.deliver",
    "new-each-time",
    "you made a new gradient at every call; whoever holds the old one looks at numbers of yesterday",
)
def deliver(self, leaf, g):
    if leaf.grad is not None:
        leaf.grad = leaf.grad + g
    elif self.create_graph or leaf in self.owned:
        leaf.grad = g
    else:
        leaf.grad = g.clone()


@mistake(
    "Sweep.deliver",
    "history-overwritten",
    "you added in place although the gradient has a history: with create_graph it needs a new one",
)
def deliver(self, leaf, g):
    if leaf.grad is not None:
        leaf.grad.add_(g)
    elif self.create_graph or leaf in self.owned:
        leaf.grad = g
    else:
        leaf.grad = g.clone()


@mistake(
    "unpack",
    "never-asked",
    "you gave the array out as it is; if it was written to since, the gradient is that of other numbers",
)
def unpack(value, node):
    return opened(value)[0]


@mistake(
    "unpack",
    "any-write-refused",
    "you refused whatever was ever written to; what counts is whether it was written to *since* it was kept",
)
def unpack(value, node):
    array, _version = opened(value)
    storage = array.storage
    if storage.version != 0:
        raise OverwrittenError(f"{type(node.op).__name__} needs a value that {storage.writer} overwrote")
    return array


change(
    "unpack",
    "one-write-forgiven",
    "you refused only if it was written to twice; once is enough",
    (
        """\
if storage.version != version:
    raise OverwrittenError(
        f"the gradient of {type(node.op).__name__} needs a value of shape {array.shape} that "
        f"was modified by an inplace operation: {storage.writer} overwrote it (it is at version "
        f"{storage.version}; version {version} was expected)"
    )
""",
        """\
if storage.version > version + 1:
    raise OverwrittenError(f'{type(node.op).__name__} needs a value that {storage.writer} overwrote')
""",
    ),
)


change(
    "unpack",
    "another-error",
    "you raised a ValueError; callers look for OverwrittenError, which is a RuntimeError as in PyTorch",
    (
        """\
raise OverwrittenError(
    f"the gradient of {type(node.op).__name__} needs a value of shape {array.shape} that "
    f"was modified by an inplace operation: {storage.writer} overwrote it (it is at version "
    f"{storage.version}; version {version} was expected)"
)
""",
        "raise ValueError(f'{type(node.op).__name__} needs a value that {storage.writer} overwrote')",
    ),
)


@mistake(
    "grad",
    "written-to-the-leaves",
    "you wrote the gradients into `grad` as well; here they are results, and nothing else changes",
)
def grad(outputs, inputs, seeds=None, *, keep_graph=None, create_graph=False, allow_unused=False):
    for i, x in enumerate(inputs):
        if not x.requires_grad:
            raise GradientError(f"input {i} of grad, shape {x.shape}, does not require grad")
    wanted, first = {}, []
    for i, x in enumerate(inputs):
        first.append(wanted.setdefault(x.edge or (x, 0), i))
    sweep = Sweep(create_graph, create_graph if keep_graph is None else keep_graph, wanted)
    sweep.run(started(sweep, outputs, seeds or [None] * len(outputs)))
    found = [sweep.found.get(i) for i in first]
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise GradientError(f"input {i} of grad, shape {inputs[i].shape}, was not used")
    for x, g in zip(inputs, found):
        if x.edge is None and g is not None:
            x.grad = g
    return tuple(found)


change(
    "grad",
    "unused-always-refused",
    "you refused an input that the result does not depend on even where allow_unused says that None is an answer",
    (
        """\
wanted: dict[Edge, int] = {}
first: list[int] = []  # an input asked for twice is found once
""",
        "wanted, first = ({}, [])",
    ),
    (
        """\
if g is None and not allow_unused:
    raise GradientError(
        f"input {i} of grad, shape {inputs[i].shape}, was not used in the outputs. "
        "Pass allow_unused=True if None is the answer that you want"
    )
""",
        """\
if g is None:
    raise GradientError(f'input {i} of grad, shape {inputs[i].shape}, was not used')
""",
    ),
)


@mistake(
    "grad",
    "unused-never-refused",
    "you returned None without being asked: an input that is not used is more often a mistake than a wish",
)
def grad(outputs, inputs, seeds=None, *, keep_graph=None, create_graph=False, allow_unused=False):
    for i, x in enumerate(inputs):
        if not x.requires_grad:
            raise GradientError(f"input {i} of grad, shape {x.shape}, does not require grad")
    wanted, first = {}, []
    for i, x in enumerate(inputs):
        first.append(wanted.setdefault(x.edge or (x, 0), i))
    sweep = Sweep(create_graph, create_graph if keep_graph is None else keep_graph, wanted)
    sweep.run(started(sweep, outputs, seeds or [None] * len(outputs)))
    found = [sweep.found.get(i) for i in first]
    return tuple(found)


change(
    "grad",
    "twice-asked-once-answered",
    "an input that is asked for twice gets one answer only; the second is missing",
    (
        """\
wanted: dict[Edge, int] = {}
first: list[int] = []  # an input asked for twice is found once
""",
        "wanted, first = ({}, [])",
    ),
    (
        "first.append(wanted.setdefault(x.edge or (x, 0), i))",
        """\
wanted[x.edge or (x, 0)] = i
first.append(i)
""",
    ),
    (
        """\
raise GradientError(
    f"input {i} of grad, shape {inputs[i].shape}, was not used in the outputs. "
    "Pass allow_unused=True if None is the answer that you want"
)
""",
        "raise GradientError(f'input {i} of grad, shape {inputs[i].shape}, was not used')",
    ),
)


change(
    "grad",
    "graph-let-go",
    "you let the graph go although create_graph needs it for the second derivative",
    (
        """\
wanted: dict[Edge, int] = {}
first: list[int] = []  # an input asked for twice is found once
""",
        "wanted, first = ({}, [])",
    ),
    (
        "sweep = Sweep(create_graph, create_graph if keep_graph is None else keep_graph, wanted)",
        "sweep = Sweep(create_graph, bool(keep_graph), wanted)",
    ),
    (
        """\
raise GradientError(
    f"input {i} of grad, shape {inputs[i].shape}, was not used in the outputs. "
    "Pass allow_unused=True if None is the answer that you want"
)
""",
        "raise GradientError(f'input {i} of grad, shape {inputs[i].shape}, was not used')",
    ),
)


change(
    "grad",
    "leaves-only",
    "you looked for leaves only; the gradient of any tensor on the way can be asked for",
    (
        """\
wanted: dict[Edge, int] = {}
first: list[int] = []  # an input asked for twice is found once
""",
        "wanted, first = ({}, [])",
    ),
    (
        "first.append(wanted.setdefault(x.edge or (x, 0), i))",
        "first.append(wanted.setdefault((x, 0), i))",
    ),
    (
        """\
raise GradientError(
    f"input {i} of grad, shape {inputs[i].shape}, was not used in the outputs. "
    "Pass allow_unused=True if None is the answer that you want"
)
""",
        "raise GradientError(f'input {i} of grad, shape {inputs[i].shape}, was not used')",
    ),
)


change(
    "Function.apply",
    "forward-recorded",
    "you let forward be recorded as well: the call must count as one operation, with its own backward",
    (
        """\
with no_grad():
    made = cls.forward(context, *args)
""",
        """\
made = cls.forward(context, *args)
if MODE.recording and any(context.needs_input_grad):
    return made
""",
    ),
)


change(
    "Function.apply",
    "one-context-for-all",
    "you use one context for all calls: the second call overwrites what the first one saved",
    (
        'context = type(f"{cls.__name__}Context", (Context,), {})()',
        """\
context = cls.__dict__.get('shared') or Context()
cls.shared = context
""",
    ),
)


change(
    "Function.apply",
    "always-a-node",
    "you recorded the call in any case; without an input that wants a gradient, and under no_grad, there is nothing to record",
    (
        """\
if not (MODE.recording and any(context.needs_input_grad)):
    return made
""",
        "pass",
    ),
)


change(
    "Function.apply",
    "input-handed-back",
    "where forward returns its input, you gave that very tensor a new history; a fresh one is needed",
    (
        """\
fresh = [
    out.detach() if any(out is x for x in inputs) and not is_among(out, context.dirty) else out
    for out in outs
]
""",
        "fresh = list(outs)",
    ),
)


change(
    "Function.apply",
    "everything-differentiable",
    "you ignored mark_non_differentiable: such an output has no history",
    (
        "live = [out for out in fresh if not is_among(out, context.constant)]",
        "[out for out in fresh if not is_among(out, context.constant)]",
    ),
    (
        """\
for out in fresh:
    if not is_among(out, live):
        out.edge, out.requires_grad = None, False
""",
        """\
for _out in fresh:
    pass
""",
    ),
)
