package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class DescriptorTest {
    @Test
    void shouldCloseOnceAndTwiceWithoutHarm() {
        int before = Descriptor.openCount();
        Descriptor first = EventDescriptor.create().descriptor();
        int number = first.number();
        first.close();
        // The kernel gives the lowest free number: the second is the first's, and must survive.
        EventDescriptor second = EventDescriptor.create();
        assertThat(second.descriptor().number()).isEqualTo(number);
        first.close();
        second.signal();
        assertThat(second.drain()).isEqualTo(1);
        second.close();
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldRefuseItsNumberOnceClosed() {
        Descriptor descriptor = EventDescriptor.create().descriptor();
        descriptor.close();
        assertThat(descriptor.isClosed()).isTrue();
        assertThatThrownBy(descriptor::number).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(descriptor::duplicate).isInstanceOf(IllegalStateException.class);
        assertThat(descriptor).hasToString("Descriptor[closed]");
    }

    @Test
    void shouldRefuseANumberThatIsNone() {
        assertThatThrownBy(() -> Descriptor.adopt(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldDuplicateTheSameOpenFile() {
        try (EventDescriptor event = EventDescriptor.create();
                EventDescriptor copy = EventDescriptor.adopt(event.descriptor().duplicate())) {
            copy.signal();
            assertThat(event.drain()).isEqualTo(1);
        }
    }

    @Test
    void shouldNameCallErrorAndOperandsOfAFailure() {
        Descriptor nothing = Descriptor.adopt(1_000_000);
        assertThatThrownBy(nothing::duplicate)
                .isInstanceOf(NativeException.class)
                .hasMessage("fcntl(F_DUPFD_CLOEXEC)(fd=0xf4240) failed: EBADF");
        nothing.close();
    }
}
