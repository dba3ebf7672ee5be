package io.dejavu.serve.cli;

import io.dejavu.hub.HubException;
import io.dejavu.local.WeightMemory;
import io.dejavu.model.CheckpointException;
import io.dejavu.workload.ServerProbe;
import java.io.IOException;
import picocli.CommandLine;

/// What the process ends with; part of its contract.
public enum ExitCode {
  DONE(0, "done; a server that was told to stop completed all requests first"),
  FAILED(1, "something unexpected; `doctor`: something that is needed is missing"),
  USAGE(2, "an option, or a value of one that does not fit the model or the machine"),
  MODEL(3, "the model cannot be loaded: missing, damaged or not supported"),
  ADDRESS(4, "the address or port cannot be listened on"),
  MEMORY(5, "not enough memory"),
  UNFINISHED(6, "a server that was told to stop ended requests before they were complete"),
  REQUESTS(
      7, "`bench serve`, `bench compare`: the server cannot be measured, or some requests failed"),
  HUB(8, "the model cannot be fetched from the Hugging Face hub"),
  IO(9, "reading or writing failed: a disk that is full, a file, another process of a benchmark");

  private final int code;
  private final String meaning;

  ExitCode(int code, String meaning) {
    this.code = code;
    this.meaning = meaning;
  }

  /// As the shell sees it.
  public int code() {
    return code;
  }

  /// For the reference of all commands.
  public String meaning() {
    return meaning;
  }

  /// What a command ends with that failed so.
  public static ExitCode of(Throwable problem) {
    return switch (problem) {
      case CheckpointException _ -> MODEL;
      case HubException _ -> HUB;
      case AddressTaken _ -> ADDRESS;
      case WeightMemory.TooSmall _ -> MEMORY;
      case CommandLine.ParameterException _ -> USAGE;
      case ServerProbe.Unreachable _ -> REQUESTS;
      case IOException _ -> IO;
      default -> FAILED;
    };
  }
}
