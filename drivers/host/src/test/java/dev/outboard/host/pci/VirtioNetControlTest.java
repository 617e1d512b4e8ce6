package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.Match;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What QEMU's network device is told over its control queue, and what it tells. */
@Timeout(120)
class VirtioNetControlTest {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

    @TempDir Path directory;

    private static final class Heard implements LinkListener {
        private final BlockingQueue<String> events = new LinkedBlockingQueue<>();

        @Override
        public void onLink(boolean isUp) {
            events.add(isUp ? "up" : "down");
        }

        @Override
        public void onAnnounce() {
            events.add("announce");
        }

        String next() throws InterruptedException {
            return events.poll(20, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "on"})
    void shouldHearOfACableThatIsPulled(String packed) throws Exception {
        // The first time the virtual machine opens what it keeps.
        pullTheCable(packed);
        int before = Descriptor.openCount();
        pullTheCable(packed);
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private void pullTheCable(String packed) throws InterruptedException {
        var options =
                new ArrayList<>(
                        List.of(
                                "-netdev",
                                "user,id=u",
                                "-device",
                                "virtio-net-pci,id=nic,netdev=u,addr=04.0,disable-legacy=on,packed="
                                        + packed));
        options.addAll(List.of(QemuMonitor.OPTIONS));
        try (var bench = new QemuBench(directory, options.toArray(String[]::new));
                var device = bench.open("00:04.0", Match.type("virtio", 1));
                var monitor = new QemuMonitor(directory);
                var net = (NetworkService) QemuBench.driver("virtio-net").start(device)) {
            var heard = new Heard();
            net.onLink(heard);
            assertThat(net.isLinkUp()).isTrue();
            monitor.setLink("nic", false);
            assertThat(heard.next()).isEqualTo("down");
            assertThat(net.isLinkUp()).isFalse();
            monitor.setLink("nic", true);
            assertThat(heard.next()).isEqualTo("up");
            monitor.announce();
            assertThat(heard.next()).isEqualTo("announce");
            // Another is told of only when QEMU has seen that this one was heard.
            String again = null;
            for (int tries = 0; again == null && tries < 50; tries++) {
                monitor.announce();
                again = heard.events.poll(200, TimeUnit.MILLISECONDS);
            }
            assertThat(again).isEqualTo("announce");
        }
    }

    @Test
    void shouldReceiveWhatItWasToldTo() throws Exception {
        String[] options = {
            "-netdev", "hubport,id=h0,hubid=0",
            "-netdev", "hubport,id=h1,hubid=0",
            "-device", "virtio-net-pci,netdev=h0,addr=04.0,disable-legacy=on",
            "-device", "virtio-net-pci,netdev=h1,addr=05.0,disable-legacy=on",
        };
        try (var bench = new QemuBench(directory, options);
                var one = bench.open("00:04.0", Match.type("virtio", 1));
                var other = bench.open("00:05.0", Match.type("virtio", 1));
                var sender = (NetworkService) QemuBench.driver("virtio-net").start(one);
                var receiver = (NetworkService) QemuBench.driver("virtio-net").start(other)) {
            byte[] mine = {2, 0, 0, 0, 0, 7};
            byte[] another = {2, 0, 0, 0, 0, 8};
            byte[] group = {1, 0, 0x5e, 0, 0, 9};
            byte[] all = {-1, -1, -1, -1, -1, -1};
            receiver.setMacAddress(mine);
            receiver.receiveAll(false);
            receiver.receiveAllGroups(false);
            receiver.receiveGroups(List.of());
            assertThat(received(sender, receiver, another, group, mine, all)).containsExactly(2, 3);
            receiver.receiveGroups(List.of(group));
            assertThat(received(sender, receiver, another, group, mine)).containsExactly(1, 2);
            receiver.receiveAll(true);
            assertThat(received(sender, receiver, another, group, mine)).containsExactly(0, 1, 2);
        }
    }

    /** Sends a frame to each address; which of them came. */
    private static List<Integer> received(
            NetworkService sender, NetworkService receiver, byte[]... addresses) {
        var out = sender.transmitQueue(0);
        for (int number = 0; number < addresses.length; number++) {
            int buffer = out.claim();
            var frame = out.memory().asSlice(out.offset(buffer), 60);
            frame.fill((byte) 0);
            frame.copyFrom(MemorySegment.ofArray(addresses[number]));
            frame.set(ValueLayout.JAVA_BYTE, 6, (byte) 2);
            frame.set(ValueLayout.JAVA_BYTE, 20, (byte) number);
            out.commit(buffer, 60);
        }
        out.flush();
        var came = new ArrayList<Integer>();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        // The last is always for the receiver.
        while (!came.contains(addresses.length - 1)) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            receiver.receiveQueue(0).await(100_000_000);
            receiver.receiveQueue(0)
                    .poll(
                            (memory, offset, length) ->
                                    came.add((int) memory.get(ValueLayout.JAVA_BYTE, offset + 20)),
                            8);
        }
        return came;
    }
}
