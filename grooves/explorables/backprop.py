"""stub"""
import traitlets
from grooves.explorables.widget import Explorable
EXPRESSION = "loss = (relu(w*x + b) - y)^2"
VALUES = {"w": 3.0, "x": 2.0, "b": -1.0, "y": 3.0}
class Backprop(Explorable):
    module = "backprop"
    expression = traitlets.Unicode(EXPRESSION).tag(sync=True)
    values = traitlets.Dict(VALUES).tag(sync=True)
    trained = traitlets.List(traitlets.Unicode(), None, allow_none=True).tag(sync=True)
    lr = traitlets.Float(0.05).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    ask = traitlets.Bool(False).tag(sync=True)
    points = traitlets.Enum(("moons", "circles", "xor"), "moons").tag(sync=True)
    hidden = traitlets.Int(8, min=1, max=16).tag(sync=True)
    activation = traitlets.Enum(("tanh", "relu"), "tanh").tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    rate = traitlets.Float(0.5).tag(sync=True)
    momentum = traitlets.Float(0.0).tag(sync=True)
    plane = traitlets.Enum(("path", "random", "weights"), "path").tag(sync=True)
    axes = traitlets.List(traitlets.Int(), [0, 1]).tag(sync=True)
