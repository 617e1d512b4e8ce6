package dev.outboard.perf.traffic;

import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.ClientOptions;
import java.util.Arrays;
import java.util.Map;

/** What the clients of this package are asked in the same words. Stateless. */
final class TrafficOptions {
    static final int DEFAULT_BYTES = 64;

    private static final int MOST_BYTES = 65_549;
    private static final int MOST_CPU = 1023;

    private TrafficOptions() {}

    /** {@code size=}: a frame's length with its Ethernet header, as the queue can send it. */
    static int size(ClientOptions options, NetworkService port) {
        int most = Math.min(MOST_BYTES, port.transmitQueue(0).capacityBytes());
        return (int) options.number("size", DEFAULT_BYTES, TrafficDescriptor.LEAST_BYTES, most);
    }

    /** {@code to=}: where frames go; to everyone where it does not say. */
    static byte[] destination(Map<String, String> options) {
        var text = options.get("to");
        if (text == null) {
            var everyone = new byte[TrafficDescriptor.ADDRESS_BYTES];
            Arrays.fill(everyone, (byte) 0xFF);
            return everyone;
        }
        var parts = text.split(":", -1);
        var address = new byte[TrafficDescriptor.ADDRESS_BYTES];
        boolean isRight = parts.length == address.length;
        for (int i = 0; isRight && i < address.length; i++) {
            isRight = parts[i].matches("[0-9a-fA-F]{1,2}");
            address[i] = isRight ? (byte) Integer.parseInt(parts[i], 16) : 0;
        }
        if (!isRight) {
            throw new IllegalArgumentException(
                    "option to=" + text + " is not a MAC address, as 02:00:00:00:00:01");
        }
        return address;
    }

    /** {@code cpu=}: the processor of the calling thread; -1 for any. */
    static int processor(ClientOptions options) {
        return options.has("cpu") ? (int) options.number("cpu", 0, 0, MOST_CPU) : -1;
    }

    /** A number for this run, which tells its frames from those of another. */
    static int session() {
        return (int) (System.nanoTime() >>> 10) & 0xffff;
    }
}
