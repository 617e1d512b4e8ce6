package dev.outboard.host.pci;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** QEMU's monitor (QMP): what happens to a machine from outside, as a cable that is pulled. */
final class QemuMonitor implements AutoCloseable {
    private static final String NAME = "qmp.sock";

    /** What a machine is started with, to have one. */
    static final String[] OPTIONS = {"-qmp", "unix:" + NAME + ",server=on,wait=off"};

    private final SocketChannel socket;
    private final StringBuilder heard = new StringBuilder();

    QemuMonitor(Path directory) {
        try {
            socket = SocketChannel.open(StandardProtocolFamily.UNIX);
            socket.connect(UnixDomainSocketAddress.of(directory.resolve(NAME)));
            execute("{\"execute\":\"qmp_capabilities\"}");
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** Sets a network interface's link. */
    void setLink(String device, boolean isUp) {
        execute(
                "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"%s\",\"up\":%s}}"
                        .formatted(device, isUp));
    }

    /** Wants every interface announced to the network, once. */
    void announce() {
        execute(
                "{\"execute\":\"announce-self\",\"arguments\":"
                        + "{\"initial\":50,\"max\":50,\"rounds\":1,\"step\":50}}");
    }

    private void execute(String command) {
        try {
            socket.write(ByteBuffer.wrap(command.getBytes(StandardCharsets.US_ASCII)));
            int answered = heard.length();
            while (heard.indexOf("\"return\"", answered) < 0) {
                ByteBuffer bytes = ByteBuffer.allocate(4096);
                if (socket.read(bytes) < 0 || heard.indexOf("\"error\"", answered) >= 0) {
                    throw new IllegalStateException(command + ": " + heard.substring(answered));
                }
                heard.append(StandardCharsets.US_ASCII.decode(bytes.flip()));
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
