package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.PciFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Vectors as drivers claim them, of a function in the test's hands. */
@Timeout(60)
class PciVectorsTest {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Hand function = new Hand();
    private int before;

    @BeforeEach
    void count() {
        before = Descriptor.openCount();
    }

    @AfterEach
    void shouldLeaveNothingOpen() {
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThat(function.events).isEmpty();
    }

    private PciVectors vectors() {
        return new PciVectors("dev", function, WaitPolicy.BLOCK);
    }

    /** A line of a driver that knows of no work, and counts what it is told. */
    private static final class Quiet implements InterruptLine {
        int unmasks;
        int masks;
        boolean hasWork;

        @Override
        public boolean unmask() {
            unmasks++;
            return hasWork;
        }

        @Override
        public void mask() {
            masks++;
        }

        @Override
        public boolean isPending() {
            return false;
        }
    }

    @Test
    void shouldSetUpAsManyAsAreAskedFor() {
        function.vectors = 2048;
        try (var vectors = vectors();
                var first = vectors.claim(0, new Quiet())) {
            assertThat(function.events).hasSize(1);
            try (var late = vectors.claim(40, new Quiet())) {
                assertThat(function.events).hasSize(41);
                function.events.get(40).signal();
                assertThat(late.await(PATIENCE_NANOS)).isTrue();
            }
            assertThat(first.await(PATIENCE_NANOS)).as("what may be lost is made up for").isTrue();
            assertThat(first.await(0)).isFalse();
        }
    }

    @Test
    void shouldGiveAMessageToOneOwner() {
        function.vectors = 2;
        try (var vectors = vectors()) {
            var first = vectors.claim(1, new Quiet());
            assertThatThrownBy(() -> vectors.claim(1, new Quiet()))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("claimed already");
            function.events.get(1).signal();
            first.close();
            try (var second = vectors.claim(1, new Quiet())) {
                assertThat(second.await(0)).as("what was left is the first one's").isFalse();
            }
            for (int none : new int[] {-1, 2, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> vectors.claim(none, new Quiet()))
                        .isInstanceOf(DeviceException.class)
                        .hasMessageContaining("it has 2");
            }
        }
    }

    @Test
    void shouldStayAsItWasWhereTheFunctionHasNoMore() {
        function.vectors = 8;
        function.most = 3;
        try (var vectors = vectors();
                var first = vectors.claim(0, new Quiet())) {
            assertThatThrownBy(() -> vectors.claim(5, new Quiet()))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(function.events).hasSize(1);
            function.events.getFirst().signal();
            assertThat(first.await(PATIENCE_NANOS)).isTrue();
        }
    }

    @Test
    void shouldShareALineAndMaskItWhileNobodyWaits() {
        function.vectors = 1;
        function.isLine = true;
        try (var vectors = vectors()) {
            var one = new Quiet();
            var other = new Quiet();
            try (var first = vectors.claim(0, one);
                    var second = vectors.claim(0, other)) {
                assertThat(first.arm()).isFalse();
                assertThat(function.masks).endsWith(false);
                assertThat(second.arm()).isFalse();
                function.raise();
                assertThat(first.acknowledge()).isTrue();
                assertThat(function.masks).as("the other waits still").endsWith(false);
                assertThat(second.acknowledge()).isTrue();
                assertThat(function.masks).endsWith(true);
                one.hasWork = true;
                int told = function.masks.size();
                assertThat(first.arm()).isTrue();
                first.acknowledge();
                assertThat(function.masks).as("who has work does not wait").hasSize(told);
            }
            assertThatThrownBy(() -> vectors.claim(1, new Quiet()))
                    .isInstanceOf(DeviceException.class);
        }
    }

    /** Against a model: unmasked exactly while somebody waits. */
    @Test
    void shouldKeepALineUnmaskedWhileAnybodyWaits() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        function.vectors = 1;
        function.isLine = true;
        try (var vectors = vectors()) {
            List<Interrupt> waiters = new ArrayList<>();
            boolean[] armed = new boolean[5];
            for (int number = 0; number < armed.length; number++) {
                waiters.add(vectors.claim(0, new Quiet()));
            }
            for (int step = 0; step < 2000; step++) {
                int who = random.nextInt(armed.length);
                if (armed[who]) {
                    waiters.get(who).acknowledge();
                } else {
                    waiters.get(who).arm();
                }
                armed[who] = !armed[who];
                boolean anybody = false;
                for (boolean one : armed) {
                    anybody |= one;
                }
                assertThat(function.masks.getLast())
                        .as("seed=%d step=%d", seed, step)
                        .isEqualTo(!anybody);
            }
            waiters.forEach(Interrupt::close);
        }
    }

    @Test
    void shouldEndEveryWait() throws InterruptedException {
        function.vectors = 3;
        try (var vectors = vectors();
                var one = vectors.claim(0, new Quiet());
                var other = vectors.claim(2, new Quiet())) {
            one.await(0);
            vectors.wake();
            assertThat(one.await(PATIENCE_NANOS)).isFalse();
            assertThat(other.await(PATIENCE_NANOS)).isFalse();
        }
    }

    /** The function. */
    private static final class Hand implements PciFunction {
        List<EventDescriptor> events = List.of();
        final List<Boolean> masks = new ArrayList<>();
        int vectors;
        int most = Integer.MAX_VALUE;
        boolean isLine;

        void raise() {
            events.forEach(EventDescriptor::signal);
        }

        @Override
        public String name() {
            return "hand";
        }

        @Override
        public ConfigurationSpace configuration() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Registers region(int index) {
            throw new IllegalArgumentException("none");
        }

        @Override
        public int maximumVectors() {
            return vectors;
        }

        @Override
        public boolean isLine() {
            return isLine;
        }

        @Override
        public void mask(boolean isMasked) {
            masks.add(isMasked);
        }

        @Override
        public void signal(List<EventDescriptor> given) {
            if (given.size() > most) {
                throw new IllegalStateException("no more");
            }
            events = List.copyOf(given);
        }

        @Override
        public void reset() {
            // Nothing to forget.
        }

        @Override
        public void close() {
            // Nothing to give back.
        }
    }
}
