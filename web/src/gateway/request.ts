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
  ) {
    super(text || `the gateway answered ${status}`);
  }

  /** Nothing is wrong with the request: the same one may succeed later. 507 is a full disk, which somebody may clear. */
  get temporary(): boolean {
    return this.status >= 500 || this.status === 409 || this.status === 423 || this.status === 429;
  }

  /** What was asked about is not there (any more). */
  get gone(): boolean {
    return this.status === 404 || this.status === 410;
  }
}

export interface Question extends RequestInit {
  /** Silence for longer is `NoAnswer`. */
  patience?: number;
}

const patienceMs = 15_000;

/** A 2xx answer. Throws `Refusal`, `NoAnswer`, or an AbortError of the caller's own signal. */
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
  if (!answer.ok) throw new Refusal(answer.status, await sentence(answer), retryAfter(answer.headers.get("Retry-After")));
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
async function sentence(answer: Response): Promise<string> {
  const text = (await answer.text().catch(() => "")).trim();
  if (!answer.headers.get("Content-Type")?.includes("json")) return text.slice(0, 300);
  try {
    const problem = JSON.parse(text);
    return String(problem.detail ?? problem.title ?? "");
  } catch {
    return "";
  }
}

export function retryAfter(field: string | null): number | null {
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
