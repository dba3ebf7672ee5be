package io.dejavu.workload;

/// Where a workload is sent to.
public interface Target {
  /// Makes a request without sending it, so that making it costs no time of the answer.
  ///
  /// @param number of the request within its workload, from which its prompt is made
  Prepared prepare(PlannedRequest request, int number);

  /// Ends all requests under way: they fail as [Failure.Kind#STOPPED].
  void stop();

  /// A request to be sent once.
  interface Prepared {
    /// Sends it and waits for the answer, or the failure, on the calling thread. Whatever a server
    /// does is in the attempt, nothing is thrown for it.
    ///
    /// @param clock of the run: all times of the attempt are its readings
    Attempt send(RunClock clock);
  }
}
