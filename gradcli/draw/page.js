"use strict";

const page = JSON.parse(document.getElementById("data").textContent);
const last = page.steps.length - 1;
const groups = new Map();
for (const group of document.querySelectorAll(".gradcli .part")) {
    const name = group.dataset.name;
    groups.set(name, [...(groups.get(name) ?? []), group]);
}
let step = 0;
let known = page.known; // by name: [value, gradient, what each is in words]
let shares = []; // of each flow: local gradient, contribution

/** Numbers out of JSON, where those that are not finite are words. */
const numbers = (given) => (Array.isArray(given) ? given.map(numbers) : Number(given));
page.variables = numbers(page.variables);
for (const field of page.inputs) field.value = Number(field.value);

/** As few digits as a wire has room for: the rule of the picture itself. */
function rounded(number) {
    if (!Number.isFinite(number)) return Number.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    const size = Math.abs(number);
    if (Number.isInteger(number) && size < 1e6) return String(number + 0);
    if (size >= 0.1 && size < 1e5) return number.toFixed(size < 1000 ? 2 : 1);
    const [mantissa, exponent] = Number(number.toPrecision(3)).toExponential().split("e");
    return size >= 1e-4 && size < 0.1 ? String(Number(number.toPrecision(3))) : mantissa + "e" + Number(exponent);
}

const exact = (number) => (Number.isFinite(number) ? String(number) : rounded(number));

/** What one operand of a max or min receives. */
function routed(ties, operands, place, out, gradient) {
    if (Number.isNaN(out)) return out;
    const equal = [...operands.keys()].filter((index) => operands[index] === out);
    const chosen = { first: equal.slice(0, 1), last: equal.slice(-1) }[ties] ?? equal;
    if (!chosen.includes(place)) return 0;
    return ties === "split" ? gradient / equal.length : gradient;
}

// -- numbers ------------------------------------------------------------------------------

function compute() {
    if (!page.live) return;
    const given = structuredClone(page.variables);
    for (const field of page.inputs) {
        const { variable, places, value } = field;
        if (!places.length) given[variable] = value;
        else places.slice(0, -1).reduce((list, place) => list[place], given[variable])[places.at(-1)] = value;
    }
    const [values, gradients, found] = circuit(...given);
    shares = found;
    known = Object.fromEntries(page.names.map((name, place) => [name, [values[place], gradients[place]]]));
}

const shown = (number) => (typeof number === "number" ? rounded(number) : number);

/** A gradient while its contributions arrive: the sum of those so far, and whether there is any. */
function arrived(name) {
    const there = step >= page.graded[name];
    const all = page.flows.filter((flow) => flow.to === name);
    const done = all.filter((flow) => flow.step <= step);
    if (!page.live || done.length === all.length) return [known[name]?.[1], there];
    return [done.reduce((sum, flow) => sum + shares[2 * flow.place + 1], 0), there];
}

// -- what is shown ------------------------------------------------------------------------

function show() {
    const now = page.steps[step];
    const backward = step >= page.turn;
    for (const [name, parts] of groups) {
        const valued = step >= (page.made[name] ?? 0);
        const [gradient, graded] = arrived(name);
        const sent = now.sends.includes(name);
        for (const part of parts) {
            part.classList.toggle("ahead", !valued);
            part.classList.toggle("unvalued", !valued);
            part.classList.toggle("ungraded", !backward || !graded);
            part.classList.toggle("now", name === now.name);
            part.classList.toggle("lit", sent);
            part.classList.toggle("given", sent && !now.name);
            part.classList.toggle("back", backward);
            for (const branch of part.querySelectorAll(".branch"))
                branch.classList.toggle("lit", sent && branch.dataset.to === now.name);
            write(part, name, known[name]?.[0], gradient);
        }
    }
    describe(now, backward);
    document.getElementById("where").textContent = `${backward ? "backward" : "forward"}, ${step + 1} of ${last + 1}`;
    for (const [id, end] of [["first", 0], ["back", 0], ["next", last], ["last", last]])
        document.getElementById(id).disabled = step === end;
    const current = groups.get(now.name)?.[0];
    if (current) centre(current);
}

function write(part, name, value, gradient) {
    if (!page.live) return;
    part.dataset.value = value;
    part.dataset.gradient = known[name][1];
    const spots = [[part.querySelector(".value"), value], [part.querySelector(".gradient"), gradient]];
    for (const [spot, number] of spots) if (spot && typeof number === "number") spot.textContent = rounded(number);
    const code = page.codes[name];
    const lines = [code ? `${name} = ${code}` : name, `value ${exact(value)}`];
    if (known[name][1] !== null) lines.push(`gradient ${page.gradients[name]} = ${exact(known[name][1])}`);
    part.querySelector("title").textContent = lines.join("\n");
}

/** Keep the current gate in sight where the picture is larger than its frame. */
function centre(part) {
    const frame = document.querySelector(".picture");
    const box = (part.querySelector(".gate") ?? part).getBoundingClientRect();
    const around = frame.getBoundingClientRect();
    if (box.left < around.left || box.right > around.right)
        frame.scrollLeft += (box.left + box.right - around.left - around.right) / 2;
    if (box.top < around.top || box.bottom > around.bottom)
        frame.scrollTop += (box.top + box.bottom - around.top - around.bottom) / 2;
}

function element(tag, kind, ...content) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...content);
    return made;
}

function describe(now, backward) {
    const stage = document.getElementById("stage");
    const lines = [];
    if (now.name) {
        const [value, gradient] = known[now.name] ?? [];
        lines.push(element("p", "line", element("code", "", `${now.name} = ${page.codes[now.name]}`)));
        const numbers = element("p", "", "value ", element("span", "value", shown(value) ?? "?"));
        if (backward) numbers.append(", gradient from above ", element("span", "gradient", shown(gradient) ?? "?"));
        lines.push(numbers);
        if (backward) lines.push(element("p", "said", now.said));
        for (const flow of page.flows.filter((flow) => flow.step === step)) lines.push(sentence(flow, now));
    } else lines.push(element("p", "", now.said));
    stage.replaceChildren(...lines);
}

/** `dq = z * df = -4 × 1 = -4`: the local gradient times the gradient from above. */
function sentence(flow, now) {
    const line = element("p", "line", element("code", "", `${flow.gradient} ${flow.accumulates ? "+=" : "="} ${flow.code}`));
    if (page.live) {
        const [local, share] = shares.slice(2 * flow.place, 2 * flow.place + 2);
        const numbers = [`${rounded(local)} × `, element("span", "gradient", shown(known[now.name][1])), " = "];
        line.append(" = ", ...numbers, element("span", "gradient", rounded(share)));
    } else if (flow.brings) line.append(flow.code ? " = " : "", element("span", "gradient", flow.brings));
    return line;
}

// -- steps --------------------------------------------------------------------------------

function go(to) {
    step = Math.min(Math.max(to, 0), last);
    show();
}

const moves = { first: () => go(0), back: () => go(step - 1), next: () => go(step + 1), last: () => go(last) };
for (const [id, move] of Object.entries(moves)) document.getElementById(id).addEventListener("click", move);
const keys = { ArrowLeft: moves.back, ArrowRight: moves.next, Home: moves.first, End: moves.last };
document.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input")) return;
    event.preventDefault();
    keys[event.key]();
});

// -- inputs -------------------------------------------------------------------------------

for (const [place, field] of page.inputs.entries()) {
    const pair = document.querySelectorAll(`[data-input="${place}"]`);
    for (const input of pair)
        input.addEventListener("input", () => {
            if (input.value === "" || !Number.isFinite(Number(input.value))) return;
            field.value = Number(input.value);
            for (const other of pair) if (other !== input) other.value = input.value;
            compute();
            show();
        });
}

compute();
show();
