package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * What a peer answered; asks for something that is not there fail the rule with all that is known.
 */
final class Answer {
  private final Peer peer;
  private final Request request;
  private final JsonNode json;

  Answer(Peer peer, Request request, JsonNode json) {
    this.peer = peer;
    this.request = request;
    this.json = json;
  }

  JsonNode json() {
    return json;
  }

  /** Returns this answer, which is no error. */
  Answer ok() {
    if (json.has("error")) {
      throw unexpected("no error");
    }
    return this;
  }

  /** Returns this answer, which is of a message, or of something else that happened in time. */
  Answer inTime() {
    ok();
    if (isTimeout()) {
      throw unexpected("no time-out");
    }
    return this;
  }

  boolean isTimeout() {
    return json.path("timeout").asBoolean(false);
  }

  boolean isError() {
    return json.has("error");
  }

  String error() {
    return json.path("error").asText("");
  }

  /** Requires an error of one of these kinds, with a text for its user. */
  void requireError(String... kinds) {
    for (String kind : kinds) {
      if (error().equals(kind) && !json.path("message").asText("").isEmpty()) {
        return;
      }
    }
    throw unexpected("the error " + String.join(" or ", kinds) + ", with a message");
  }

  /** Requires the text of an error to name something. */
  void requireText(String named) {
    if (!text("message").contains(named)) {
      throw unexpected("a message that names " + named);
    }
  }

  void requireTimeout() {
    if (!isTimeout()) {
      throw unexpected("a time-out");
    }
  }

  void requireEnd(String end) {
    if (!json.path("end").asText("").equals(end)) {
      throw unexpected("the end " + end);
    }
  }

  long sequence() {
    return number("sequence");
  }

  long number(String member) {
    if (!json.path(member).isIntegralNumber()) {
      throw unexpected("the number " + member);
    }
    return json.path(member).asLong();
  }

  String text(String member) {
    if (!json.path(member).isTextual()) {
      throw unexpected("the text " + member);
    }
    return json.path(member).asText();
  }

  /** Requires a number to have a value. */
  Answer require(String member, long expected) {
    if (number(member) != expected) {
      throw unexpected(member + "=" + expected);
    }
    return this;
  }

  @Override
  public String toString() {
    return json.toString();
  }

  AssertionError unexpected(String expected) {
    return fail(
        peer.name()
            + " was asked "
            + request
            + "\nand answered     "
            + json
            + "\nexpected was     "
            + expected
            + peer.errorOutput());
  }
}
