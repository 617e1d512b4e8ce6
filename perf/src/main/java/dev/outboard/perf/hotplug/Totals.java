package dev.outboard.perf.hotplug;

import dev.outboard.host.control.Fields;
import java.util.List;
import java.util.Map;

/** What clients of a stream and of a disk said at their end, in the same words. Stateless. */
final class Totals {
    private static final List<String> REQUESTS = List.of("requestsWritten", "requestsRead");

    private Totals() {}

    /** Messages, or requests. */
    static long moved(Map<?, ?> client) {
        return streams(client, "receivedMessages") + sum(client, REQUESTS);
    }

    /** Frames, or blocks, that were not as they were sent or written. */
    static long corrupt(Map<?, ?> client) {
        return streams(client, "corruptFrames") + sum(client, List.of("corruptBlocks"));
    }

    /** Frames that never came. A request that is lost ends the disk's client with an error. */
    static long lost(Map<?, ?> client) {
        return streams(client, "missingFrames");
    }

    private static long streams(Map<?, ?> client, String field) {
        return Fields.maps(client, "streams").stream()
                .mapToLong(stream -> Math.max(0, Fields.number(stream, field)))
                .sum();
    }

    private static long sum(Map<?, ?> fields, List<String> names) {
        return names.stream().mapToLong(name -> Math.max(0, Fields.number(fields, name))).sum();
    }
}
