package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import java.util.List;

/** What must hold of a complete message before it is looked into. */
final class Checks {
    private Checks() {}

    static void requireSize(Message message, int size) {
        if (message.size() != size) {
            throw wrongSize(message, size);
        }
    }

    static VhostProtocolException wrongSize(Message message, int size) {
        return new VhostProtocolException(
                "%s: a payload of %d bytes, not %d"
                        .formatted(Requests.name(message.request()), message.size(), size));
    }

    static void requireDescriptors(Message message, List<Descriptor> descriptors, int count) {
        if (descriptors.size() != count) {
            throw new VhostProtocolException(
                    "%s: %d descriptors came with it, not %d"
                            .formatted(
                                    Requests.name(message.request()), descriptors.size(), count));
        }
    }

    static void requireAtMost(Message message, List<Descriptor> descriptors, int count) {
        if (descriptors.size() > count) {
            requireDescriptors(message, descriptors, count);
        }
    }
}
