package dev.outboard.serve;

import dev.outboard.driver.ClientContext;
import java.nio.file.Path;
import java.util.Map;

/**
 * What {@code serve} was asked for.
 *
 * @param path of the socket
 * @param lends whether client memory is lent to the device where it can be; else copied
 * @param offloads whether checksums and segments are left to the device
 */
record ServeOptions(Path path, boolean lends, boolean offloads) {
    static final String HELP =
            "offers the interface over vhost-user: path=PATH grant=auto|never offloads=on|off";

    private static final String GRANT = "grant";
    private static final String OFFLOADS = "offloads";

    static ServeOptions of(ClientContext context) {
        Map<String, String> given = context.options();
        String path = given.get("path");
        if (path == null || path.isBlank()) {
            throw new IllegalArgumentException("option path is missing: the socket to listen on");
        }
        if (path.indexOf(',') >= 0) {
            throw new IllegalArgumentException(
                    "option path=" + path + " names several sockets: a driver serves one client");
        }
        return new ServeOptions(
                Path.of(path), choice(given, GRANT, "auto", "never"), hasOffloads(given));
    }

    static boolean hasOffloads(Map<String, String> given) {
        return choice(given, OFFLOADS, "on", "off");
    }

    private static boolean choice(Map<String, String> given, String name, String yes, String no) {
        String value = given.getOrDefault(name, yes);
        if (!value.equals(yes) && !value.equals(no)) {
            throw new IllegalArgumentException(
                    "option %s=%s is neither %s nor %s".formatted(name, value, yes, no));
        }
        return value.equals(yes);
    }
}
