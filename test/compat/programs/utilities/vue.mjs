import { createSSRApp, h, ref } from 'vue';
import { renderToString } from 'vue/server-renderer';

const app = createSSRApp({
  setup() {
    const n = ref(1);
    n.value++;
    return () => h('div', { class: ['a', { b: true }] }, [`n = ${n.value}`, h('b', '<x>')]);
  },
});
console.log(await renderToString(app));
