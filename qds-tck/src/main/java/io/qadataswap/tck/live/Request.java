package io.qadataswap.tck.live;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request of the peer protocol, to be completed by {@link #with}. */
final class Request {
  static final ObjectMapper JSON = new ObjectMapper();

  private final ObjectNode json = JSON.createObjectNode();

  private Request(String op) {
    json.put("op", op);
  }

  static Request of(String op) {
    return new Request(op);
  }

  Request with(String member, Object value) {
    json.set(member, JSON.valueToTree(value));
    return this;
  }

  /** How long the peer may take by itself, -1 if there is no limit to that. */
  long timeoutMs() {
    return json.path("timeoutMs").asLong(10_000);
  }

  String op() {
    return text("op");
  }

  String text(String member) {
    return json.path(member).asText();
  }

  @Override
  public String toString() {
    return json.toString();
  }
}
