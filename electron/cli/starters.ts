import type { RepairOutcome } from "../agent/repair.ts";
import type { AgentService } from "../agent/service.ts";
import type { Result } from "../../shared/base/result.ts";

/** Why the agent did not start or the folder was not prepared. */
export type StartError = { readonly code: string; readonly message: string };

/** A running agent inside this process. */
export type StartedAgent = {
  readonly service: AgentService;
  readonly httpUrl: string | null;
  /** With `#token=`: signs the browser in. */
  readonly openUrl: string | null;
  readonly memberId: string;
  /** Resolves with a reason when it has to be closed and started anew. */
  readonly broken: Promise<string>;
  close(): Promise<void>;
};

/** What `serve` decides. */
export type StartOptions = {
  readonly dataFolder: string;
  readonly listen: string;
  readonly http: string | null;
  /** An address; null: all interfaces; "none": no mDNS. */
  readonly mdnsInterface: string | null;
  readonly peers: string[];
  readonly rendererFolder: string | null;
};

/** The functions of the agent that run inside the CLI's own process. */
export type Starters = {
  readonly startAgent: (options: StartOptions) => Promise<Result<StartedAgent, StartError>>;
  readonly createClusterIn: (options: {
    readonly dataFolder: string;
    readonly name: string;
    readonly memberName: string;
    /** A backup to begin with; null begins empty. */
    readonly from: string | null;
  }) => Promise<Result<{ readonly clusterId: string; readonly memberId: string }, StartError>>;
  readonly joinClusterIn: (options: {
    readonly dataFolder: string;
    readonly link: string;
    readonly memberName: string;
    /** What is in the folder is put aside for it. */
    readonly isReplacing?: boolean;
  }) => Promise<
    Result<
      { readonly clusterId: string; readonly clusterName: string; readonly memberId: string },
      StartError
    >
  >;
  readonly repairIn: (options: {
    readonly dataFolder: string;
    readonly isLossAccepted: boolean;
  }) => Promise<Result<RepairOutcome, StartError>>;
  readonly runDemo: (options: DemoOptions) => Promise<number>;
};

/** What `demo` was asked for. */
export type DemoOptions = {
  /** Where the three data folders go; null: a temporary folder. */
  readonly dataFolder: string | null;
  readonly isJson: boolean;
  /** Whether to open the three windows in the browser. */
  readonly isOpening: boolean;
  readonly rendererFolder: string | null;
};
