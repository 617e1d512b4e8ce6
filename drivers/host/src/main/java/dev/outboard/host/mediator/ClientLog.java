package dev.outboard.host.mediator;

import dev.outboard.dma.mediator.ClientReport;
import dev.outboard.dma.mediator.MediatorListener;
import dev.outboard.dma.mediator.Quota;
import dev.outboard.dma.mediator.QuotaReport;
import dev.outboard.dma.mediator.Status;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What is printed of a mediator's clients: to machines every change, to people who comes and who
 * goes. Called on the mediator's thread, but for {@link #result}. Lines are bounded in number: a
 * client that changes endlessly may not fill a disk.
 */
final class ClientLog implements MediatorListener {
    private static final int MOST_LINES = 10_000;

    private final EventOutput output;
    private final Map<String, ClientReport> known = new HashMap<>();
    private int lines;

    ClientLog(EventOutput output) {
        this.output = output;
    }

    @Override
    public void changed(ClientReport client) {
        var before = known.put(client.name(), client);
        if (before == null || !before.devices().equals(client.devices())) {
            tell(
                    () ->
                            output.text(
                                    "client %s (process %d): %s"
                                            .formatted(
                                                    client.name(),
                                                    client.processId(),
                                                    devices(client))));
        }
        tell(() -> output.say(new Event("client", fields(client))));
    }

    private static String devices(ClientReport client) {
        return client.devices().isEmpty()
                ? "connected"
                : "has " + String.join(", ", client.devices());
    }

    @Override
    public void gone(ClientReport client, String why) {
        known.remove(client.name());
        tell(
                () -> {
                    var event = new LinkedHashMap<>(fields(client));
                    event.put("why", why);
                    output.say(
                            text(client) + (why == null ? "; gone" : "; ended: " + why),
                            new Event(Event.LOST, event));
                });
    }

    private void tell(Runnable line) {
        if (lines < MOST_LINES) {
            lines++;
            line.run();
        } else if (lines == MOST_LINES) {
            lines++;
            output.say(
                    "clients change too often to tell of all of it: see the end",
                    Event.of("silent", "lines", MOST_LINES));
        }
    }

    /** What the clients have that are there at the end. */
    void result(List<ClientReport> clients) {
        output.say(
                clients.isEmpty()
                        ? "no client at the end"
                        : clients.stream().map(ClientLog::text).collect(Collectors.joining("\n")),
                Event.of(
                        Event.RESULT,
                        "owner",
                        "mediator",
                        "clients",
                        clients.stream().map(ClientLog::fields).toList()));
    }

    private static String text(ClientReport client) {
        var quotas =
                client.quotas().stream()
                        .map(
                                quota ->
                                        "%s %d (most %d, %s, %d refused)"
                                                .formatted(
                                                        quota.resource(),
                                                        quota.usage(),
                                                        quota.maximum(),
                                                        text(quota.quota()),
                                                        quota.failures()))
                        .collect(Collectors.joining(", "));
        var refusals = client.refusals().values().stream().mapToLong(Long::longValue).sum();
        return "client %s (process %d): %s; %d requests and %d messages refused"
                .formatted(
                        client.name(),
                        client.processId(),
                        quotas,
                        refusals,
                        client.refusedMessages());
    }

    private static String text(Quota quota) {
        if (quota.barrier() == Long.MAX_VALUE && quota.limit() == Long.MAX_VALUE) {
            return "no quota";
        }
        return "quota " + (quota.barrier() == quota.limit() ? quota.limit() : quota);
    }

    /** What machines are told of a client. */
    static Map<String, Object> fields(ClientReport client) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", client.name());
        fields.put("pid", client.processId());
        fields.put("devices", client.devices());
        for (var quota : client.quotas()) {
            fields.put(quota.resource(), fields(quota));
        }
        var refusals = new LinkedHashMap<String, Object>();
        for (var refusal : client.refusals().entrySet()) {
            refusals.put(word(refusal.getKey()), refusal.getValue());
        }
        fields.put("refusals", refusals);
        fields.put("backOffs", client.backOffs());
        fields.put("refusedMessages", client.refusedMessages());
        return fields;
    }

    private static String word(Status status) {
        return status.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static Map<String, Object> fields(QuotaReport quota) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("usage", quota.usage());
        fields.put("maximum", quota.maximum());
        fields.put("barrier", bound(quota.quota().barrier()));
        fields.put("limit", bound(quota.quota().limit()));
        fields.put("failures", quota.failures());
        return fields;
    }

    /** Null where there is none. */
    private static Long bound(long value) {
        return value == Long.MAX_VALUE ? null : value;
    }
}
