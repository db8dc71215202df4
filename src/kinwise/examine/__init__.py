"""Why it erred: failures worth looking at, and what can be measured about each of them."""
