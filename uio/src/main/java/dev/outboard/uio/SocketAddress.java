package dev.outboard.uio;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** {@code struct sockaddr_un}: family (2 bytes), path, zero. */
final class SocketAddress {
    /** {@code sun_path}, less the closing zero. */
    static final int MAX_PATH_BYTES = 107;

    private static final int PATH_OFFSET = 2;

    private SocketAddress() {}

    static byte[] of(Path path) {
        byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
        if (name.length == 0 || name.length > MAX_PATH_BYTES) {
            throw new IllegalArgumentException(
                    "a socket's path has 1 to %d bytes, this one %d: use a shorter one: %s"
                            .formatted(MAX_PATH_BYTES, name.length, path));
        }
        byte[] address = new byte[PATH_OFFSET + name.length + 1];
        // The family is in the machine's byte order; AF_UNIX is 1.
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        address[little ? 0 : 1] = UnixSocket.AF_UNIX;
        System.arraycopy(name, 0, address, PATH_OFFSET, name.length);
        return address;
    }
}
