// The figures, charts and tables of the chosen branch; those of all pictures come back as they were.
(() => {
  "use strict";
  const { figures, pictures, element, percent, amount } = kinwise;
  const { tree } = pictures;
  const COVERAGES = [1, 0.9, 0.75, 0.5];
  const POINTS = 200;
  const capital = (name) => name.charAt(0).toUpperCase() + name.slice(1);
  const range = (size) => Array.from({ length: size }, (_, index) => index);

  // --- charts: what each shows of a summary, with the rows of its table ----------------------------------------------

  function accuracy(found, { data: [bars] }) {
    Object.assign(bars, {
      x: found.accuracy,
      text: found.accuracy.map((share) => `<b>${percent(share)}</b>`),
      error_x: { visible: false },
      hovertemplate: "%{y}: %{text}<extra></extra>",
    });
    return { rows: tree.levels.map((name, level) => [name, percent(found.accuracy[level], 2), ""]) };
  }

  function severity(first) {
    return (found, { data: [model, chance], layout }) => {
      const part = (counts) => {
        const sum = counts.slice(first).reduce((total, one) => total + one, 0);
        return counts.slice(first).map((one) => (sum ? one / sum : 0));
      };
      const [shares, random] = [part(found.histogram), part(found.random)];
      Object.assign(model, { y: shares, text: shares.map((share) => percent(share)) });
      Object.assign(chance, { y: random, text: random.map((share) => percent(share)) });
      const high = Math.min(1.14 * Math.max(...shares, ...random), 1.14);
      const tickvals = range(6).map((step) => step / 5).filter((tick) => tick <= high);
      Object.assign(layout.yaxis, { range: [0, high], tickvals, ticktext: tickvals.map((tick) => percent(tick, 0)) });
      return {
        heading: first ? `Of the ${amount(found.mistakes)} mistakes` : `Of all ${amount(found.pictures)} pictures`,
        rows: shares.map((share, place) => [
          tree.severities[first + place],
          amount(found.histogram[first + place]),
          percent(share),
          percent(random[place]),
        ]),
      };
    };
  }

  function calibration(level) {
    return (found, { data: [, curve] }) => {
      const bins = found.reliability[level];
      const rows = bins.map((bin) => [bin.confidence, bin.accuracy, bin.share].map((share) => percent(share)));
      const [x, y] = [bins.map((bin) => bin.confidence), bins.map((bin) => bin.accuracy)];
      curve.marker.size = bins.map((bin) => 6 + 22 * Math.sqrt(bin.share));
      Object.assign(curve, { x, y, customdata: rows });
      const error = percent(found.calibrationError[level], 2);
      return { rows, heading: `${capital(tree.levels[level])}: calibration error ${error}` };
    };
  }

  function selective(found, { data }) {
    const size = found.pictures;
    const points = Math.min(size, POINTS);
    const at = range(points).map((step) => Math.ceil((step * (size - 1)) / Math.max(points - 1, 1)));
    found.riskCoverage.forEach(({ risk }, level) => {
      Object.assign(data[level], {
        x: at.map((place) => (place + 1) / size),
        y: at.map((place) => 100 * risk[place]),
        customdata: at.map((place) => [percent((place + 1) / size), percent(risk[place], 2)]),
      });
    });
    const answered = (coverage) => Math.max(Math.ceil(coverage * size - 1e-9), 1) - 1;
    return {
      rows: found.riskCoverage.map(({ risk, area, lowest }, level) => [
        tree.levels[level],
        ...COVERAGES.map((coverage) => percent(risk[answered(coverage)], 2)),
        area.toFixed(4),
        lowest.toFixed(4),
      ]),
    };
  }

  const charts = {
    accuracy,
    "severity-mistakes": severity(1),
    "severity-pictures": severity(0),
    selective,
    ...Object.fromEntries(tree.levels.map((_, level) => [`calibration-${level}`, calibration(level)])),
  };
  for (const name of Object.keys(charts)) if (!figures[name]) delete charts[name];
  const whole = Object.fromEntries(Object.keys(charts).map((name) => [name, figures[name]]));

  // --- what stands in the page, so that it can be put back -----------------------------------------------------------

  const undo = [];
  function put(place, text) {
    if (!place) return;
    const before = [...place.childNodes];
    undo.push(() => place.replaceChildren(...before));
    place.replaceChildren(text);
  }
  function label(place, text) {
    const before = place.getAttribute("aria-label");
    undo.push(() => place.setAttribute("aria-label", before));
    place.setAttribute("aria-label", text);
  }
  function fill(body, rows) {
    if (!body) return;
    const before = [...body.rows];
    undo.push(() => body.replaceChildren(...before));
    body.replaceChildren(
      ...rows.map(([head, ...cells]) => {
        const row = element("tr");
        row.append(element("th", head, { scope: "row" }), ...cells.map((cell) => element("td", cell)));
        return row;
      }),
    );
  }

  function draw(found, name) {
    for (const [chart, change] of Object.entries(charts)) {
      figures[chart] = structuredClone(whole[chart]);
      const { rows, heading } = change(found, figures[chart]);
      const box = document.querySelector(`#box-${chart}`);
      fill(box.querySelector("tbody"), rows);
      if (heading) put(box.querySelector("figcaption"), heading);
      const numbers = rows.map((row) => row.filter(Boolean).join(" "));
      label(box.querySelector(".chart"), `Only ${name}: ${numbers.join(", ")}`);
    }
  }

  // --- headline figures ----------------------------------------------------------------------------------------------

  function tiles(found) {
    const number = (value) => (value === null ? "none" : value.toFixed(2));
    const random = found.random.reduce((sum, pictures, step) => sum + pictures * step, 0);
    const shown = {
      ...Object.fromEntries(found.accuracy.map((share, level) => [`accuracy-${level}`, percent(share)])),
      mistake_severity: number(found.mistakeSeverity),
      average_severity: number(found.averageSeverity),
      full_path_accuracy: percent(found.fullPath),
      inconsistent_paths: percent(found.inconsistent),
      calibration_error: percent(found.calibrationError.at(-1)),
    };
    const chance = {
      mistake_severity: random / (found.pictures - found.random[0]),
      average_severity: random / found.pictures,
    };
    for (const tile of document.querySelectorAll(".tiles [data-key]")) {
      const { key } = tile.dataset;
      put(tile.querySelector(".value"), shown[key]);
      put(tile.querySelector(".interval"), `of ${amount(found.pictures)} pictures`);
      const remark = tile.querySelector(".remark");
      if (remark) put(remark, key in chance ? `random ${chance[key].toFixed(2)}` : "");
    }
  }

  function head(found, name) {
    const mistakes = found.mistakes === 1 ? "1 mistake" : `${amount(found.mistakes)} mistakes`;
    const right = `${percent(found.accuracy.at(-1))} of ${amount(found.pictures)} pictures got the right class`;
    put(document.querySelector(".verdict"), `Only ${name}: ${right}; there are ${mistakes}.`);
    const landed = document.querySelector(".landed");
    put(landed.querySelector("figcaption"), `Where the ${amount(found.pictures)} answers land`);
    const [pieces, numbers] = [landed.querySelectorAll(".stack i"), landed.querySelectorAll("b")];
    found.histogram.forEach((count, step) => {
      const before = pieces[step].style.getPropertyValue("--share");
      undo.push(() => pieces[step].style.setProperty("--share", before));
      pieces[step].style.setProperty("--share", count / found.pictures);
      put(numbers[step], percent(count / found.pictures));
    });
  }

  // --- tables of classes ---------------------------------------------------------------------------------------------

  function classes(node) {
    for (const row of document.querySelectorAll(".classes [data-node]")) {
      row.hidden = !tree.isUnder(Number(row.dataset.node), node);
    }
  }

  function chip(severity, text) {
    const made = element("span", text, { class: "chip" });
    made.prepend(element("i", "", { style: `background:var(--severity-${severity})` }));
    return made;
  }

  // The most frequent mistakes between classes, ties in the order in which the classes are numbered.
  function confusions(node) {
    const body = document.querySelector(".confusions tbody");
    if (!body) return;
    const found = pictures.mistakes(node).slice(0, 20);
    const before = [...body.rows];
    undo.push(() => body.replaceChildren(...before));
    body.replaceChildren(
      ...found.map(({ true: was, answered, count, share, back }) => {
        const row = element("tr");
        const severity = tree.severity(was, answered);
        const bar = element("span", percent(share), {
          class: "bar",
          style: `--share:${share};--colour:var(--severity-${severity})`,
        });
        const [part, kin] = [element("td"), element("td", "", { class: "word" })];
        part.append(bar);
        kin.append(chip(severity, tree.severities[severity]));
        row.append(
          element("th", tree.names[was], { scope: "row" }),
          element("td", tree.names[answered], { class: "word" }),
          element("td", amount(count)),
          part,
          element("td", amount(back)),
          kin,
        );
        return row;
      }),
    );
  }

  document.addEventListener("kinwise:filter", ({ detail: { node } }) => {
    while (undo.length) undo.pop()();
    document.documentElement.classList.toggle("filtered", node > 0);
    classes(node);
    if (node) {
      const found = pictures.summary(node);
      draw(found, tree.names[node]);
      tiles(found);
      head(found, tree.names[node]);
      confusions(node);
    } else {
      Object.assign(figures, whole);
    }
    kinwise.redraw(Object.keys(charts));
  });
})();
