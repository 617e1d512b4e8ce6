package dev.outboard.models;

import dev.outboard.models.nic.PortShape;
import dev.outboard.virtio.NetDescriptor;
import java.nio.file.Path;
import java.util.Objects;

/**
 * One port of the switch.
 *
 * @param socket where a driver connects
 * @param name by which the port attaches to its IOMMU, and for people
 * @param iommu where the owner of the IOMMU listens, or null without one
 * @param mac what the driver is told as its address
 * @param mtuBytes the largest packet, without Ethernet's header
 * @param queues how many pairs of queues a driver may use
 * @param offloads whether the driver may leave checksums and segmentation to the switch, and have
 *     them left to it
 * @param mergeable whether a received frame may span several of the driver's buffers
 * @param packed whether rings may be packed
 * @param linkUp whether the cable is in at the start
 */
public record NicPortOptions(
        Path socket,
        String name,
        Path iommu,
        MacAddress mac,
        int mtuBytes,
        int queues,
        boolean offloads,
        boolean mergeable,
        boolean packed,
        boolean linkUp) {
    /** The most pairs of queues of a port. */
    public static final int MOST_QUEUES = 64;

    /** The least MTU that IPv4 allows (RFC 791), and the most that its length can say. */
    private static final int LEAST_MTU_BYTES = 68;

    private static final int MOST_MTU_BYTES = 65535;

    /** Checks that everything needed is there. */
    public NicPortOptions {
        Objects.requireNonNull(socket, "socket");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(mac, "mac");
        if (mtuBytes < LEAST_MTU_BYTES || mtuBytes > MOST_MTU_BYTES) {
            throw new IllegalArgumentException("mtu=" + mtuBytes + " is not 68 to 65535");
        }
        if (queues < 1 || queues > MOST_QUEUES) {
            throw new IllegalArgumentException("queues=" + queues + " is not 1 to " + MOST_QUEUES);
        }
    }

    /** A port without an IOMMU, named after its socket, with an address derived from it. */
    public static NicPortOptions at(Path socket) {
        return new NicPortOptions(
                socket,
                socket.getFileName().toString(),
                null,
                MacAddress.derivedFrom(socket.toAbsolutePath().toString()),
                NetDescriptor.DEFAULT_MTU_BYTES,
                1,
                true,
                true,
                true,
                true);
    }

    /** What the inside of the switch is told. */
    PortShape shape() {
        return new PortShape(mac.bits(), mtuBytes, queues, offloads, mergeable, packed, linkUp);
    }

    /** The same, behind an IOMMU; null for none. */
    public NicPortOptions withIommu(Path owner) {
        return new NicPortOptions(
                socket, name, owner, mac, mtuBytes, queues, offloads, mergeable, packed, linkUp);
    }

    /** The same, with another name. */
    public NicPortOptions withName(String newName) {
        return new NicPortOptions(
                socket, newName, iommu, mac, mtuBytes, queues, offloads, mergeable, packed, linkUp);
    }

    /** The same, with another address. */
    public NicPortOptions withMac(MacAddress newMac) {
        return new NicPortOptions(
                socket, name, iommu, newMac, mtuBytes, queues, offloads, mergeable, packed, linkUp);
    }

    /** The same, with another MTU. */
    public NicPortOptions withMtuBytes(int newMtu) {
        return new NicPortOptions(
                socket, name, iommu, mac, newMtu, queues, offloads, mergeable, packed, linkUp);
    }

    /** The same, with another number of pairs of queues. */
    public NicPortOptions withQueues(int newQueues) {
        return new NicPortOptions(
                socket, name, iommu, mac, mtuBytes, newQueues, offloads, mergeable, packed, linkUp);
    }

    /** The same, with offloads or without. */
    public NicPortOptions withOffloads(boolean offered) {
        return new NicPortOptions(
                socket, name, iommu, mac, mtuBytes, queues, offered, mergeable, packed, linkUp);
    }

    /** The same, with frames that span buffers or without. */
    public NicPortOptions withMergeable(boolean offered) {
        return new NicPortOptions(
                socket, name, iommu, mac, mtuBytes, queues, offloads, offered, packed, linkUp);
    }

    /** The same, with packed rings or without. */
    public NicPortOptions withPacked(boolean offered) {
        return new NicPortOptions(
                socket, name, iommu, mac, mtuBytes, queues, offloads, mergeable, offered, linkUp);
    }

    /** The same, with the cable in at the start or not. */
    public NicPortOptions withLinkUp(boolean up) {
        return new NicPortOptions(
                socket, name, iommu, mac, mtuBytes, queues, offloads, mergeable, packed, up);
    }

    /**
     * Reads {@code PATH[,iommu=[unix:]PATH][,mac=ADDRESS][,name=NAME][,mtu=BYTES][,queues=N]
     * [,offloads=on|off][,mergeable=on|off][,packed=on|off][,link=up|down]}.
     *
     * @throws IllegalArgumentException when it is something else; the message says what
     */
    public static NicPortOptions parse(String text) {
        String[] parts = text.split(",", -1);
        if (parts[0].isEmpty() || parts[0].contains("=")) {
            throw new IllegalArgumentException(
                    "port " + text + " must begin with the path of its socket");
        }
        var options = at(Path.of(parts[0]));
        for (int i = 1; i < parts.length; i++) {
            options = options.with(parts[i], text);
        }
        return options;
    }

    private NicPortOptions with(String part, String text) {
        int equals = part.indexOf('=');
        String key = equals < 0 ? part : part.substring(0, equals);
        String value = part.substring(equals + 1);
        if (equals < 0 || value.isEmpty()) {
            throw new IllegalArgumentException("port " + text + ": " + part + " has no value");
        }
        return switch (key) {
            case "iommu" -> withIommu(socketPath(value));
            case "mac" -> withMac(MacAddress.parse(value));
            case "name" -> withName(value);
            case "mtu" -> withMtuBytes(number(part, value));
            case "queues" -> withQueues(number(part, value));
            case "offloads" -> withOffloads(either(part, value, "on", "off"));
            case "mergeable" -> withMergeable(either(part, value, "on", "off"));
            case "packed" -> withPacked(either(part, value, "on", "off"));
            case "link" -> withLinkUp(either(part, value, "up", "down"));
            default ->
                    throw new IllegalArgumentException(
                            ("port %s has no option %s: there are iommu, mac, name, mtu, queues,"
                                            + " offloads, mergeable, packed and link")
                                    .formatted(text, key));
        };
    }

    private static int number(String part, String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(part + " is no number", e);
        }
    }

    private static boolean either(String part, String value, String yes, String no) {
        if (!value.equals(yes) && !value.equals(no)) {
            throw new IllegalArgumentException(part + ": take " + yes + " or " + no);
        }
        return value.equals(yes);
    }

    /** A path, with or without {@code unix:} before it. */
    static Path socketPath(String text) {
        return Path.of(text.startsWith("unix:") ? text.substring("unix:".length()) : text);
    }
}
