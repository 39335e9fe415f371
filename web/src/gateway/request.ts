// Questions to the gateway that served this page. A failure says what to do next: see `Refusal` and `NoAnswer`.

/** The gateway cannot be reached, or is silent. Waiting helps. */
export class NoAnswer extends Error {}

/** The gateway answered, but not with what was asked for. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    text: string,
    /** Seconds after which it may be asked again, when it said so. */
    readonly retryAfter: number | null = null,
    /** The gateway said so. What stands in its place for a while, a proxy or a portal, answers too, often with 404. */
    readonly ours = true,
  ) {
    super(text || `the gateway answered ${status}`);
  }

  /** Nothing is wrong with the request: the same one may succeed later. 507 is a full disk, which somebody may clear. */
  get temporary(): boolean {
    return this.status >= 500 || passing.has(this.status) || (absent.has(this.status) && !this.ours);
  }

  /** What was asked about is not there (any more). */
  get gone(): boolean {
    return absent.has(this.status) && this.ours;
  }
}

/** An answer that is none, by its parts. Problem details, and the field of tus, are the gateway's manner. */
export function refusal(status: number, field: (name: string) => string | null, body: string): Refusal {
  const type = field("Content-Type") ?? "";
  const ours = type.startsWith("application/problem+json") || field("Tus-Resumable") !== null;
  const text = type.startsWith("text/html") ? `Something on the way answered ${status}, not the gateway.` : sentence(type, body.trim());
  return new Refusal(status, text, retryAfter(field("Retry-After")), ours);
}

export interface Question extends RequestInit {
  /** Silence for longer is `NoAnswer`. */
  patience?: number;
  /** An answer with this status is none the less what was asked for. */
  also?: number;
}

const patienceMs = 15_000;
const absent = new Set([404, 410]);
const passing = new Set([408, 409, 423, 425, 429]);

/** A 2xx answer, or the other one that is wanted. Throws `Refusal`, `NoAnswer`, or an AbortError of the caller's own signal. */
export async function ask(url: string, question: Question = {}): Promise<Response> {
  const silence = AbortSignal.timeout(question.patience ?? patienceMs);
  const signal = question.signal ? either(question.signal, silence) : silence;
  let answer: Response;
  try {
    answer = await fetch(url, { cache: "no-store", credentials: "same-origin", ...question, signal });
  } catch (error) {
    question.signal?.throwIfAborted();
    throw new NoAnswer(String(error));
  }
  // The access token is wanted (again): the form for it is where this page was.
  if (answer.status === 401) window.location.reload();
  if (!answer.ok && answer.status !== question.also) throw refusal(answer.status, (name) => answer.headers.get(name), await answer.text().catch(() => ""));
  return answer;
}

/** The fields of the answer. Its body is of no interest, but read, so that the connection can be used again. */
export async function askFields(url: string, question: Question = {}): Promise<Headers> {
  const answer = await ask(url, question);
  await answer.arrayBuffer().catch(() => null);
  return answer.headers;
}

/** The answer as JSON. */
export async function askJson<T>(url: string, question: Question = {}): Promise<T> {
  const answer = await ask(url, { ...question, headers: { Accept: "application/json", ...question.headers } });
  try {
    return (await answer.json()) as T;
  } catch (error) {
    question.signal?.throwIfAborted();
    throw new NoAnswer(String(error)); // cut in the middle of the body
  }
}

/** Errors are one sentence of text; problem details of RFC 9457 have it in a field. */
function sentence(type: string, text: string): string {
  if (!type.includes("json")) return text.slice(0, 300);
  try {
    const problem = JSON.parse(text);
    return String(problem.detail ?? problem.title ?? "");
  } catch {
    return "";
  }
}

function retryAfter(field: string | null): number | null {
  const seconds = Number(field ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

/** AbortSignal.any, which browsers of 2022 lack. */
function either(a: AbortSignal, b: AbortSignal): AbortSignal {
  const out = new AbortController();
  for (const signal of [a, b]) {
    if (signal.aborted) out.abort(signal.reason);
    signal.addEventListener("abort", () => out.abort(signal.reason), { signal: out.signal });
  }
  return out.signal;
}
