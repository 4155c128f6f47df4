"""Run it: the network of the first evening learns, and the boundary bends round the disc."""

import sys
import time

from first.ring import Network, picture, step
from first.tape import TAPE

STEPS, EVERY = 150, 5
PRINTED = (0, 25, 50, 150)  # the frames that are printed where nothing can be drawn over


def main() -> None:
    """Learn for 150 steps; draw the boundary while it moves."""
    moving = sys.stdout.isatty()
    network = Network()
    print("o disc   x ring   . the network says disc   O X told wrongly\n")
    seconds, loss, height = 0.0, network.loss().value, 0
    numbers = len(TAPE)
    network.forget()
    for count in range(STEPS + 1):  # the last frame shows what 150 steps have made
        if count % EVERY == 0 if moving else count in PRINTED:
            frame = f"step {count:3}   loss {loss:6.2f}   {network.right()} of 40 dots\n{picture(network)}"
            if moving and height:
                print(f"\x1b[{height}A\x1b[J", end="")  # back up over the frame before
            height = frame.count("\n") + 1
            print(frame, flush=True)
        began = time.perf_counter()
        loss = step(network)
        seconds += time.perf_counter() - began
    print(f"\n{STEPS} steps of {numbers:,} numbers each: {seconds:.2f} seconds")


if __name__ == "__main__":
    main()
