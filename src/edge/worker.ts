/** What `wrangler.toml` names as the Worker: the gateway of `inlay.config.ts`. */
import config from '../../inlay.config.ts';
import { serve } from './serve.ts';

export default serve(config);
