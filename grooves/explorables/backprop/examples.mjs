// Example formulas, each with numbers that show one thing. Chapter 02.

/** trained: the variables that training may move. notice: what to look for. */
export const EXAMPLES = [
  {
    name: "One neuron",
    expression: "loss = (relu(w*x + b) - y)^2",
    values: { w: 3, x: 2, b: -1, y: 3 },
    trained: ["w", "b"],
    lr: 0.05,
    notice: "One weight, one input, one bias and the squared error. Step forward to the loss, then back to w.",
  },
  {
    name: "Used twice",
    expression: "loss = (w*x + w^2 - y)^2",
    values: { w: 2, x: 2, y: 5 },
    trained: ["w"],
    lr: 0.01,
    notice: "Two paths lead from w to the loss. Each brings back a gradient, and the two are added.",
  },
  {
    name: "Dead ReLU",
    expression: "loss = (relu(w*x + b) - y)^2",
    values: { w: -2, x: 1.5, b: 1, y: 3 },
    trained: ["w", "b"],
    lr: 0.05,
    notice: "The prediction is off by 3, yet every gradient is 0, so training changes nothing.",
  },
  {
    name: "Vanishing",
    expression: "h1 = tanh(w1*x)\nh2 = tanh(w2*h1)\nh3 = tanh(w3*h2)\nloss = (h3 - y)^2",
    values: { w1: 2.5, x: 1, w2: 2.5, w3: 2.5, y: -1 },
    trained: ["w1", "w2", "w3"],
    lr: 0.1,
    notice: "Each tanh is nearly flat here and multiplies the gradient by its small slope, so little reaches w1.",
  },
  {
    name: "Too large a step",
    expression: "loss = (w*x - y)^2",
    values: { w: 1, x: 2, y: 3 },
    trained: ["w"],
    lr: 0.3,
    notice: "The step goes downhill but lands higher on the other side. Train, then lower the learning rate.",
  },
  {
    name: "Softmax",
    expression: "e = exp(a)\np = e / (e + exp(b))\nloss = -log(p)",
    values: { a: 0.5, b: 1.5 },
    trained: ["a", "b"],
    lr: 1,
    notice: "The cross-entropy of a softmax over two logits. At the end, the gradient of a is p − 1.",
  },
];

/** Whether a variable looks like a weight by its name: w, w1, b, bias. */
export const looksTrained = (name) => /^[wb]/i.test(name);

/** The initial number of a new variable: neither 0 nor 1, which would hide too much. */
export const firstValue = (name) => (looksTrained(name) ? 0.5 : 2);
