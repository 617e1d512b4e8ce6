package dev.outboard.models;

import java.nio.file.Path;
import java.util.Objects;

/**
 * One port of the switch.
 *
 * @param socket where a driver connects
 * @param name by which the port attaches to its IOMMU, and for people
 * @param iommu where the owner of the IOMMU listens, or null without one
 * @param mac what the driver is told as its address
 */
public record NicPortOptions(Path socket, String name, Path iommu, MacAddress mac) {
    /** Checks that everything needed is there. */
    public NicPortOptions {
        Objects.requireNonNull(socket, "socket");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(mac, "mac");
    }

    /** A port without an IOMMU, named after its socket, with an address derived from it. */
    public static NicPortOptions at(Path socket) {
        return new NicPortOptions(
                socket,
                socket.getFileName().toString(),
                null,
                MacAddress.derivedFrom(socket.toAbsolutePath().toString()));
    }

    /** The same, behind an IOMMU; null for none. */
    public NicPortOptions withIommu(Path owner) {
        return new NicPortOptions(socket, name, owner, mac);
    }

    /** The same, with another name. */
    public NicPortOptions withName(String newName) {
        return new NicPortOptions(socket, newName, iommu, mac);
    }

    /** The same, with another address. */
    public NicPortOptions withMac(MacAddress newMac) {
        return new NicPortOptions(socket, name, iommu, newMac);
    }

    /**
     * Reads {@code PATH[,iommu=[unix:]PATH][,mac=ADDRESS][,name=NAME]}.
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
            default ->
                    throw new IllegalArgumentException(
                            "port %s has no option %s: there are iommu, mac and name"
                                    .formatted(text, key));
        };
    }

    /** A path, with or without {@code unix:} before it. */
    static Path socketPath(String text) {
        return Path.of(text.startsWith("unix:") ? text.substring("unix:".length()) : text);
    }
}
