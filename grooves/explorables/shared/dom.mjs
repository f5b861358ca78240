// What every explorable is built from: elements, lists that grow and shrink, and arrow keys.
//
// Key idea: elements stay in place and are brought up to date, so that the keyboard's focus stays.

/** An element with properties, attributes (aria…, role, data…, class) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "role") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** The child elements of a parent brought to a number: made where missing, removed where spare. */
export function resize(parent, n, make) {
  while (parent.children.length > n) parent.lastElementChild.remove();
  while (parent.children.length < n) parent.append(make(parent.children.length));
  return [...parent.children];
}

/** Arrow keys between the elements of one widget, of which one takes the Tab key. */
export function moveTo(elements, index, choose) {
  const to = Math.max(0, Math.min(elements.length - 1, index));
  choose(to);
  elements[to].focus();
}
