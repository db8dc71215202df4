"""Answer about a picture with what `kinwise export RUN` wrote; onnxruntime, numpy and Pillow are all it takes.

python examples/onnx_answer.py model.onnx picture.jpg
"""

import json
import sys

import numpy as np
from onnxruntime import InferenceSession
from PIL import Image, ImageOps

model = InferenceSession(sys.argv[1])
facts = {key: json.loads(text) for key, text in model.get_modelmeta().custom_metadata_map.items()}
tree, nodes, side = facts["hierarchy"], facts["nodes"], facts["side"]
threshold = facts["thresholds"].get("0.95", 0)  # so that 95 % of the answers are right; 0 without validation pictures
if facts["fit"] != "squash":
    sys.exit(f"this model wants pictures made square by {facts['fit']}; here they are squashed")

picture = Image.open(sys.argv[2])
picture.draft("RGB", (2 * side, 2 * side))  # a large JPEG is decoded small, as in kinwise
picture = ImageOps.exif_transpose(picture.convert("RGB").resize((side, side), reducing_gap=2.0))
*levels, answer = model.run(None, {"pictures": np.asarray(picture)[None]})

best = levels[-1].argmax() if threshold else answer[0]  # climbing starts at the likeliest class
path = [nodes[-1][best]]  # and its ancestors before it
while tree["parents"][path[0]] > 0:
    path.insert(0, tree["parents"][path[0]])
for level, node in enumerate(path):
    level = level if node != path[-1] else -1  # a class stands at the last level, wherever its branch ends
    confidence = levels[level][0, nodes[level].index(node)]
    if confidence < threshold:
        print(f"not sure of the {tree['levels'][level]}: {tree['names'][node]} {confidence:.1%}")
        break
    print(f"{tree['levels'][level]}: {tree['names'][node]} {confidence:.1%}")
