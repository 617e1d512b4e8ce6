package dev.outboard.uio.vfiouser;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a peer says of itself with its version, as far as it matters here. What it leaves out is
 * what the specification says then.
 *
 * @param major of the protocol
 * @param minor of the protocol
 * @param descriptors of one message at most
 * @param dataBytes of one access at most
 * @param windows of memory at a time at most
 */
record Capabilities(int major, int minor, int descriptors, int dataBytes, int windows) {
    private static final int USUAL_DESCRIPTORS = 1;
    private static final Pattern DESCRIPTORS = number("max_msg_fds");
    private static final int USUAL_WINDOWS = 65535;
    private static final Pattern WINDOWS = number("max_dma_maps");
    private static final Pattern DATA = number("max_data_xfer_size");

    private static Pattern number(String name) {
        return Pattern.compile("\"" + name + "\"\\s*:\\s*(\\d{1,9})");
    }

    /** Reads the capabilities' text. */
    static Capabilities of(int major, int minor, String json) {
        return new Capabilities(
                major,
                minor,
                Math.clamp(
                        find(DESCRIPTORS, json, USUAL_DESCRIPTORS),
                        1,
                        VfioUserDescriptor.MOST_DESCRIPTORS),
                Math.clamp(
                        find(DATA, json, VfioUserDescriptor.MOST_DATA_BYTES),
                        Long.BYTES,
                        VfioUserDescriptor.MOST_DATA_BYTES),
                Math.max(1, find(WINDOWS, json, USUAL_WINDOWS)));
    }

    private static int find(Pattern pattern, String json, int absent) {
        Matcher matcher = pattern.matcher(json);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : absent;
    }

    /** What we say of ourselves. */
    static String ours() {
        return ("{\"capabilities\":{\"max_msg_fds\":%d,\"max_data_xfer_size\":%d,"
                        + "\"max_dma_maps\":%d,\"pgsizes\":4096}}")
                .formatted(
                        VfioUserDescriptor.MOST_DESCRIPTORS,
                        VfioUserDescriptor.MOST_DATA_BYTES,
                        ClientMemory.MOST_WINDOWS);
    }
}
