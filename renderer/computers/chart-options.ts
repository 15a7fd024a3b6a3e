/** How the lag chart looks. Colours are read from the style sheet at every draw: themes change. */
import type uPlot from "uplot";

/** Lines with a colour of their own; more computers share them in turn. */
const COLOR_COUNT = 5;

/** The class that gives a line's colour to its legend. */
export function colorClass(index: number): string {
  return `color-${index % COLOR_COUNT}`;
}

/** The chart's options. @param labels Names of the computers, in the order of their lines. */
export function chartOptions(element: HTMLElement, labels: readonly string[]): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => colorOf(element, "--ink-faint"),
    grid: { stroke: () => colorOf(element, "--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${getComputedStyle(element).fontFamily}`,
    gap: 6,
  };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(4, (max ?? 0) * 1.1)] } },
    axes: [
      { ...axis, size: 28, space: 80, values: labelTimes },
      { ...axis, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1e3, 5e3, 1e4, 5e4, 1e5, 1e6] },
    ],
    series: [
      {},
      ...labels.map((label, index) => ({
        label,
        stroke: () => colorOf(element, `--chart-${index % COLOR_COUNT}`),
        width: 1.75,
        spanGaps: false,
        points: { show: false },
      })),
    ],
  };
}

/** `14:02`, or `14:02:30` while the lines of the axis are less than a minute apart. */
function labelTimes(_chart: uPlot, seconds: number[]): string[] {
  const [first = 0, second = first] = seconds;
  const length = second - first < 60 ? 8 : 5;
  return seconds.map((at) => new Date(at * 1_000).toTimeString().slice(0, length));
}

/** A colour as the canvas understands it: custom properties themselves may hold `light-dark()`. */
function colorOf(element: HTMLElement, name: string): string {
  const probe = element.ownerDocument.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
