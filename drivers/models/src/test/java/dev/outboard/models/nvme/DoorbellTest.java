package dev.outboard.models.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Doorbells of drivers that lie, and that use both ways to ring. */
class DoorbellTest {
    private final MemorySegment registers = Arena.ofAuto().allocate(4096, 8);
    private final MemorySegment shadows = Arena.ofAuto().allocate(4096, 8);
    private final MemorySegment memory =
            Arena.ofAuto().allocate((long) PiecewiseBus.PAGES * 4096, 8);
    private final PiecewiseBus bus = new PiecewiseBus(memory);

    private void ring(MemorySegment page, int value) {
        page.set(ValueLayout.JAVA_INT, 8, value);
    }

    @Test
    void shouldRefuseValuesThatAreNoPlaceInTheRing() {
        var doorbell = new Doorbell(registers, 8, 16);
        for (int wrong : new int[] {16, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            ring(registers, wrong);
            assertThat(doorbell.look()).isFalse();
            assertThat(doorbell.takeWrong()).isTrue();
            assertThat(doorbell.takeWrong()).as("told once").isFalse();
            assertThat(doorbell.value()).isZero();
        }
        ring(registers, 15);
        assertThat(doorbell.look()).isTrue();
        assertThat(doorbell.look()).as("once").isFalse();
        assertThat(doorbell.value()).isEqualTo(15);
    }

    /** A message with an old value must not undo a newer one in memory. */
    @Test
    void shouldBelieveMemoryOnceItIsUsed() {
        var doorbell = new Doorbell(registers, 8, 16);
        ring(registers, 1);
        assertThat(doorbell.lookAt(shadows, 0)).as("not used yet").isTrue();
        ring(shadows, 3);
        assertThat(doorbell.lookAt(shadows, 0)).isTrue();
        ring(registers, 2);
        assertThat(doorbell.lookAt(shadows, 0)).isFalse();
        assertThat(doorbell.look()).isFalse();
        assertThat(doorbell.value()).isEqualTo(3);
        doorbell.forgetShadow();
        ring(registers, 5);
        assertThat(doorbell.look()).isTrue();
        assertThat(doorbell.value()).isEqualTo(5);
    }

    /** Whoever says that it has taken more than there was gets no completion overwritten. */
    @Test
    void shouldNotBelieveAHeadBeyondTheTail() {
        var ring = new CompletionQueue(1, PiecewiseBus.IOVA, 4, -1, new Doorbell(registers, 8, 4));
        assertThat(ring.room()).isEqualTo(3);
        assertThat(ring.post(bus, 1, 1, 0, 7, 0)).isTrue();
        assertThat(ring.post(bus, 1, 1, 0, 8, 0)).isTrue();
        assertThat(ring.room()).isOne();
        ring(registers, 3);
        assertThat(ring.look()).isFalse();
        assertThat(ring.room()).isOne();
        ring(registers, 2);
        assertThat(ring.look()).isTrue();
        assertThat(ring.room()).isEqualTo(3);
        ring(registers, 1);
        assertThat(ring.look()).as("backwards").isFalse();
        assertThat(ring.room()).isEqualTo(3);
    }
}
